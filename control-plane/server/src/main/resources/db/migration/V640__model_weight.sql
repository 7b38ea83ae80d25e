-- Files that an imported ONNX model keeps weights in, beside its own.
create table model_weight (
  model          text not null,
  version        bigint not null,
  name           text not null,
  blob           text not null,
  bytes          bigint not null,
  primary key (model, version, name),
  foreign key (model, version) references model_version (model, version)
);
