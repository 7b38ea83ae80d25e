package io.skerry.control.rollout;

import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.Cohort;
import io.skerry.api.CohortRequest;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutDevice;
import io.skerry.api.RolloutPreview;
import io.skerry.api.RolloutRequest;

/** Makes the API's records readable and writable as JSON. */
@SerdeImport(Cohort.class)
@SerdeImport(CohortRequest.class)
@SerdeImport(Rollout.class)
@SerdeImport(Rollout.Part.class)
@SerdeImport(Rollout.Stage.class)
@SerdeImport(Rollout.Gate.class)
@SerdeImport(RolloutDevice.class)
@SerdeImport(RolloutPreview.class)
@SerdeImport(RolloutPreview.Stage.class)
@SerdeImport(RolloutPreview.Sight.class)
@SerdeImport(RolloutPreview.Outsider.class)
@SerdeImport(RolloutPreview.Place.class)
@SerdeImport(RolloutPreview.Superseded.class)
@SerdeImport(RolloutRequest.class)
@SerdeImport(RolloutRequest.PartRequest.class)
@SerdeImport(RolloutRequest.StageRequest.class)
@SerdeImport(RolloutRequest.PaceRequest.class)
@SerdeImport(RolloutRequest.WindowRequest.class)
@SerdeImport(RolloutRequest.DeadlinesRequest.class)
@SerdeImport(RolloutRequest.GateRequest.class)
@SerdeImport(RolloutRequest.SamplingRequest.class)
final class RolloutJson {
  private RolloutJson() {}
}
