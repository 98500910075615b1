import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Certificates, makeCertificates } from '../servers/certificates.ts';
import { freePorts, removeFolder, temporaryFolder } from '../servers/child-server.ts';
import { type ProxyServer, startHaproxy, startNginx } from '../servers/proxy-server.ts';

/** The files that are shipped. */
export const DEPLOY_FOLDER = fileURLToPath(new URL('../../../../deploy/', import.meta.url));

/** A real nginx or HAProxy with the file that is shipped, in front of nodes on the loopback. */
export type Balancer = {
  readonly name: 'nginx' | 'haproxy';
  /** Plain HTTP. */
  readonly port: number;
  readonly tlsPort: number;
  /** The certificate to trust, in PEM. */
  readonly ca: string;
  /** The newest lines it printed. */
  readonly log: readonly string[];
  stop(): Promise<void>;
};

export type BalancerOptions = {
  readonly nodes: readonly number[];
  /** More that is changed of the file: text in it, and what stands in its place. */
  readonly changes?: readonly (readonly [string, string])[];
};

export async function startBalancer(name: Balancer['name'], options: BalancerOptions): Promise<Balancer> {
  const folder = temporaryFolder('balancer');
  const [port = 0, tlsPort = 0] = await freePorts(2);
  const certificates = makeCertificates();
  const places: Places = { ...options, port, tlsPort, certificates };
  const server = await (name === 'nginx' ? nginx : haproxy)(folder, places);
  return {
    name,
    port,
    tlsPort,
    ca: certificates.ca,
    log: server.log,
    async stop() {
      await server.stop();
      certificates.remove();
      removeFolder(folder);
    },
  };
}

type Places = BalancerOptions & {
  readonly port: number;
  readonly tlsPort: number;
  readonly certificates: Certificates;
};

function nginx(
  folder: string,
  { nodes, port, tlsPort, certificates, changes = [] }: Places,
): Promise<ProxyServer> {
  const shipped = edited('nginx/carillon.conf', [
    ...nodes.map((node, i) => [`node${i + 1}:8005`, `127.0.0.1:${node}`] as const),
    ['listen 80;', `listen 127.0.0.1:${port};`],
    ['listen 443 ssl http2;', `listen 127.0.0.1:${tlsPort} ssl http2;`],
    ['/etc/nginx/certs/app.example.pem', certificates.certFile],
    ['/etc/nginx/certs/app.example.key', certificates.keyFile],
    ...changes,
  ]);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(' ');
  // Two processes, as on a server: turns and failures must be theirs together.
  const main = `worker_processes 2; user ${userInfo().username};
events { worker_connections 4096; }
http { access_log off; ${temporary}
${shipped} }
`;
  return startNginx(main, port);
}

function haproxy(
  folder: string,
  { nodes, port, tlsPort, certificates, changes = [] }: Places,
): Promise<ProxyServer> {
  // HAProxy wants certificate and key in one file.
  writeFileSync(join(folder, 'both.pem'), certificates.cert + certificates.key);
  const shipped = edited('haproxy/haproxy.cfg', [
    ...nodes.map((node, i) => [`node${i + 1}:8005`, `127.0.0.1:${node}`] as const),
    // More than a test may open.
    ['maxconn 200000', 'maxconn 2000'],
    ['bind :80 ', `bind 127.0.0.1:${port} `],
    [
      'bind :443 ssl crt /etc/haproxy/certs/app.example.pem',
      `bind 127.0.0.1:${tlsPort} ssl crt ${folder}/both.pem`,
    ],
    ...changes,
  ]);
  return startHaproxy(shipped, port);
}

/** A shipped file with what a machine's owner would change; each text must stand in it as often as is meant. */
function edited(file: string, changes: readonly (readonly [string, string])[]): string {
  let text = readFileSync(join(DEPLOY_FOLDER, file), 'utf8');
  for (const [from, to] of changes) {
    const found = text.split(from).length - 1;
    // A node stands in each upstream.
    const expected = /^node\d:/.test(from) && file.startsWith('nginx/') ? 2 : 1;
    if (found !== expected)
      throw new Error(`${JSON.stringify(from)} stands in ${file} ${found} times, not ${expected}`);
    text = text.replaceAll(from, () => to);
  }
  return text;
}
