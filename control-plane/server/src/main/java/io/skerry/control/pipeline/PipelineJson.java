package io.skerry.control.pipeline;

import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.Retraining;

/** Makes the API's records readable and writable as JSON. */
@SerdeImport(Retraining.class)
final class PipelineJson {
  private PipelineJson() {}
}
