import { accuracies } from './accuracy.ts';
for (const a of accuracies()) console.log(a.entity.padEnd(28), (a.recall*100).toFixed(1).padStart(6), (a.precision*100).toFixed(1).padStart(6));
