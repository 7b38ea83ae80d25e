package io.skerry.control.rollout;

import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutRequest;

/** Makes the API's records readable and writable as JSON. */
@SerdeImport(Rollout.class)
@SerdeImport(Rollout.Stage.class)
@SerdeImport(RolloutRequest.class)
@SerdeImport(RolloutRequest.StageRequest.class)
@SerdeImport(RolloutRequest.SamplingRequest.class)
final class RolloutJson {
  private RolloutJson() {}
}
