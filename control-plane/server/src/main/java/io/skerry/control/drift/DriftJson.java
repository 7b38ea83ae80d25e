package io.skerry.control.drift;

import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.ActRequest;
import io.skerry.api.DriftStream;
import io.skerry.api.Incident;

/** Makes the API's records readable and writable as JSON. */
@SerdeImport(ActRequest.class)
@SerdeImport(DriftStream.class)
@SerdeImport(Incident.class)
@SerdeImport(Incident.Effect.class)
@SerdeImport(Incident.Harm.class)
final class DriftJson {
  private DriftJson() {}
}
