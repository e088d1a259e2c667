import { proveMatrix } from '../matrix.ts';
import { postgresColumn } from './column.ts';
import { PythonClients } from './drivers/python.ts';

proveMatrix(postgresColumn(new PythonClients()));
