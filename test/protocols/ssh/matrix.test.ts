import { proveMatrix } from '../matrix.ts';
import { sshColumn } from './column.ts';

proveMatrix(sshColumn());
