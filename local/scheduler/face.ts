import * as z from 'zod';
import { type Face, type FaceRequest, type FaceResponse, notBuilt, serveFace } from '../http-face.ts';
import { fireTime, openSchedules, type Schedule, ScheduleRequest, type Schedules, type SchedulesOptions } from './schedules.ts';

/** EventBridge Scheduler's API for one-time schedules of the default group. */
export async function startScheduler(options: SchedulesOptions): Promise<Face> {
  const schedules = openSchedules(options);
  const face = await serveFace(async (request) => answer(request, schedules, options));
  return {
    url: face.url,
    close() {
      schedules.close();
      return face.close();
    },
  };
}

function answer(request: FaceRequest, schedules: Schedules, options: SchedulesOptions): FaceResponse {
  const name = decodeURIComponent(/^\/schedules\/([^/]+)$/.exec(request.path)?.[1] ?? '');
  const call = request.path === '/schedules' && request.method === 'GET' ? 'LIST' : name === '' ? '' : request.method;
  if (call === 'LIST') return list(request.query, schedules);
  if (call === 'POST') return put(name, request, schedules, options);
  if (call !== 'GET' && call !== 'DELETE' && call !== 'PUT')
    return fault(501, 'NotImplemented', notBuilt(`EventBridge Scheduler's ${request.method} ${request.path}`));
  const schedule = schedules.find(name);
  if (schedule === undefined) return fault(404, 'ResourceNotFoundException', `Schedule ${name} does not exist.`);
  if (call === 'GET') return json(200, shown(schedule));
  if (call === 'PUT') return put(name, request, schedules, options);
  schedules.remove(name);
  return json(200, {});
}

/** An update says everything anew, as on AWS: what it leaves out has its default. */
function put(name: string, request: FaceRequest, schedules: Schedules, { clock }: SchedulesOptions): FaceResponse {
  if (!/^[0-9a-zA-Z_.-]{1,64}$/.test(name)) return fault(400, 'ValidationException', `Invalid schedule name ${name}.`);
  const parsed = ScheduleRequest.safeParse(JSON.parse(request.body.toString()));
  if (!parsed.success) return fault(400, 'ValidationException', `${z.prettifyError(parsed.error)}; ${notBuilt('anything else in a schedule')}`);
  let fireAt: Date | undefined;
  try {
    fireAt = fireTime(parsed.data);
  } catch (error) {
    return fault(400, 'ValidationException', error instanceof Error ? error.message : String(error));
  }
  if (fireAt !== undefined && fireAt < clock.now()) return fault(400, 'ValidationException', `${parsed.data.ScheduleExpression} is in the past.`);
  const before = request.method === 'PUT' ? undefined : schedules.find(name);
  // The SDK repeats a call with the same token after a lost answer.
  if (before !== undefined && before.ClientToken === parsed.data.ClientToken) return json(200, { ScheduleArn: before.Arn });
  if (before !== undefined) return fault(409, 'ConflictException', `Schedule ${name} already exists.`);
  return json(200, { ScheduleArn: schedules.put(name, parsed.data, fireAt).Arn });
}

function list(query: URLSearchParams, schedules: Schedules): FaceResponse {
  const all = schedules.list().filter(({ Name }) => Name.startsWith(query.get('NamePrefix') ?? ''));
  const from = Number(query.get('NextToken') ?? 0);
  const to = from + Number(query.get('MaxResults') ?? 100);
  const Summaries = all.slice(from, to).map((schedule) => ({
    Arn: schedule.Arn,
    Name: schedule.Name,
    GroupName: schedule.GroupName,
    State: schedule.State,
    CreationDate: Date.parse(schedule.createdAt) / 1000,
    Target: { Arn: schedule.Target.Arn },
  }));
  return json(200, { Schedules: Summaries, ...(to < all.length ? { NextToken: String(to) } : {}) });
}

function shown({ createdAt, fireAt: _fireAt, firedAt: _firedAt, ClientToken: _token, ...schedule }: Schedule): Record<string, unknown> {
  return { ...schedule, CreationDate: Date.parse(createdAt) / 1000 };
}

function fault(status: number, type: string, message: string): FaceResponse {
  return { status, headers: { 'content-type': 'application/json', 'x-amzn-errortype': type }, body: JSON.stringify({ Message: message }) };
}

function json(status: number, body: object): FaceResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
