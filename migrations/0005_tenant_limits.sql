-- Limits of one tenant, below those of the whole gateway. Null for none.

alter table public.postgate_databases
  add column if not exists statement_timeout_ms integer constraint valid_statement_timeout check (statement_timeout_ms > 0),
  add column if not exists max_result_bytes integer constraint valid_max_result_bytes check (max_result_bytes > 0),
  add column if not exists max_concurrent_queries integer
    constraint valid_max_concurrent_queries check (max_concurrent_queries > 0),
  add column if not exists requests_per_second double precision
    constraint valid_requests_per_second check (requests_per_second > 0 and requests_per_second < 'Infinity'),
  add column if not exists request_burst integer constraint valid_request_burst check (request_burst > 0);

comment on column public.postgate_databases.statement_timeout_ms is 'How long one statement may run.';
comment on column public.postgate_databases.max_result_bytes is 'The largest answer.';
comment on column public.postgate_databases.max_concurrent_queries is 'Queries at one time, in each process of the gateway.';
comment on column public.postgate_databases.requests_per_second is 'Queries a second on average, in each process of the gateway.';
comment on column public.postgate_databases.request_burst is
  'Queries that may come together after a pause; null for as many as come in one second.';
