import { proveMatrix } from '../matrix.ts';
import { httpColumn } from './column.ts';

proveMatrix(httpColumn);
