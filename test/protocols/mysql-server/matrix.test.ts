import { proveMatrix } from '../matrix.ts';
import { mysqlServerColumn } from './column.ts';

proveMatrix(mysqlServerColumn);
