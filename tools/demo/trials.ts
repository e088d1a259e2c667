import { hasProgram } from '../process/programs.ts';
import { CONNECTION } from './api.ts';
import { CUSTOMERS, ORDERS } from './people.ts';
import type { Trial } from './screen.ts';
import { MARIADB } from './targets/mariadb.ts';
import { SHELL } from './targets/shell.ts';
import { SSH } from './targets/sshd.ts';
import type { Target } from './targets/target.ts';
import { WEB } from './targets/web.ts';

/** What to try of each target, in the order in which it is shown. */
export function trialsOf(postgres: string, targets: readonly Target[]): Trial[] {
  const there = new Map(targets.map((target) => [target.wish.name, target]));
  const others = OTHERS.flatMap(({ name, title, tell, commands }) => {
    const target = there.get(name);
    return target ? [{ title, what: `${tell(target.what)} (hoop connect ${name})`, commands }] : [];
  });
  return [
    {
      title: 'PostgreSQL',
      what: `${postgres}, ${CUSTOMERS} customers, ${ORDERS} orders (hoop connect ${CONNECTION})`,
      commands: [
        [`psql "$PGURL" -c 'select name, email, city from customers limit 3'`, 'e-mail comes back hidden'],
        [`psql "$PGURL" -c 'drop table orders'`, 'denied, with the reason'],
        [`hoop exec ${CONNECTION} -i 'select count(*) from orders'`, 'one statement; its exit code tells'],
      ],
    },
    ...others,
  ];
}

interface Other extends Pick<Trial, 'title' | 'commands'> {
  readonly name: string;
  tell(what: string): string;
}

const OTHERS: readonly Other[] = [
  {
    name: MARIADB,
    title: 'MySQL',
    tell: (what) => `${what}, the same customers and orders`,
    commands: [
      [`hoop exec ${MARIADB} -i 'select name, email from customers limit 3'`, 'e-mail comes back hidden'],
      [`${hasProgram('mariadb') ? 'mariadb' : 'mysql'} --defaults-file="$MYSQL_CNF"`, 'a prompt; any client takes $MYSQL_URL'],
    ],
  },
  {
    name: WEB,
    title: 'HTTP',
    tell: (what) => `${what} with the customers as JSON, and events`,
    commands: [
      ['curl -H "X-Api-Key: $HTTP_TOKEN" "$HTTP_URL/customers?limit=3"', 'e-mail comes back hidden'],
      ['curl -H "X-Api-Key: $HTTP_TOKEN" -N "$HTTP_URL/events"', 'a stream; also hidden'],
      ['curl -H "X-Api-Key: $HTTP_TOKEN" -X DELETE "$HTTP_URL/customers/1"', 'denied, with the reason'],
    ],
  },
  {
    name: SSH,
    title: 'SSH',
    tell: (what) => what,
    commands: [['ssh -F "$SSH_CONFIG" demo-ssh uname -a', 'by a certificate; scp, sftp, rsync too']],
  },
  {
    name: SHELL,
    title: 'Commands',
    tell: (what) => `${what} beside the agent`,
    commands: [
      [`hoop exec ${SHELL} -- echo mail to ada@example.com`, 'e-mail comes back hidden'],
      [`hoop exec ${SHELL} -- cat /etc/shadow`, 'denied, with the reason'],
    ],
  },
];
