import { proveMatrix } from '../matrix.ts';
import { mysqlColumn } from './column.ts';

proveMatrix(mysqlColumn);
