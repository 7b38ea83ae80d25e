package io.skerry.control.training;

import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.Interval;
import io.skerry.api.Progress;
import io.skerry.api.Run;
import io.skerry.api.RunMetrics;
import io.skerry.api.RunRequest;
import io.skerry.api.SliceMetrics;
import io.skerry.api.SliceScore;
import io.skerry.api.SplitCounts;
import io.skerry.api.WorkError;

/** Makes the API's records readable and writable as JSON. */
@SerdeImport(Interval.class)
@SerdeImport(Progress.class)
@SerdeImport(Run.class)
@SerdeImport(RunMetrics.class)
@SerdeImport(RunRequest.class)
@SerdeImport(SliceMetrics.class)
@SerdeImport(SliceScore.class)
@SerdeImport(SplitCounts.class)
@SerdeImport(WorkError.class)
final class RunJson {
  private RunJson() {}
}
