-- What people say about watching a model, as they said it; packagings read it when they start.
create table model_monitoring (
  model      text primary key,
  settings   jsonb not null,
  changed_by text not null,
  changed_at timestamptz not null
);
