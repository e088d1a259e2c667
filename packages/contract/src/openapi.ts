import { type ZodType, z } from 'zod';
import type { Route } from './route.ts';
import { ErrorReply } from './routes/common.ts';

type Json = Record<string, unknown>;

const ROLE_WORDS: Readonly<Record<Route['role'], string>> = {
  public: 'No login needed',
  all: 'Any user',
  user: 'Admins and standard users; auditors are refused',
  'admin-or-auditor': 'Admins and auditors',
  admin: 'Admins only',
};

/** The whole API as an OpenAPI 3.1 document, made from the route values and from nothing else. */
export function openApiDocument(routes: Readonly<Record<string, Route>>, about: { version: string; serverUrl: string }): Json {
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(routes)) {
    const path = route.path.replace(/:([A-Za-z_]+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Hoop gateway API', version: about.version, license: { name: 'MIT', identifier: 'Apache-2.0' } },
    servers: [{ url: `${about.serverUrl.replace(/\/+$/, '')}/api` }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: schemaOf(ErrorReply, 'output') },
    },
    security: [{ bearer: [] }],
  };
}

function operation(name: string, route: Route): Json {
  const parameters = [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')];
  return {
    operationId: name,
    summary: route.summary,
    description: ROLE_WORDS[route.role],
    tags: [route.path.split('/')[1]],
    ...(route.role === 'public' ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body ? { requestBody: { required: true, content: json(schemaOf(route.body, 'input')) } } : {}),
    responses: responsesOf(route),
  };
}

function responsesOf(route: Route): Json {
  const responses: Json = {};
  for (const status of [route.status ?? 200, ...(route.otherStatuses ?? [])]) {
    responses[String(status)] = route.reply
      ? { description: 'Success', content: json(schemaOf(route.reply, 'output')) }
      : { description: 'Success, without a body' };
  }
  responses.default = { description: 'What went wrong', content: json({ $ref: '#/components/schemas/Error' }) };
  return responses;
}

function json(schema: Json): Json {
  return { 'application/json': { schema } };
}

function parametersOf(schema: ZodType | undefined, where: 'path' | 'query'): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as { properties?: Json; required?: string[] };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }));
}

function schemaOf(schema: ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  return rest;
}
