package io.skerry.agent.serve;

import io.skerry.agent.model.ModelStatistics.Sum;
import io.skerry.protocol.ModelVersion;
import io.skerry.wire.inference.InferBatchStatistics;
import io.skerry.wire.inference.InferStatistics;
import io.skerry.wire.inference.ModelStatistics;
import io.skerry.wire.inference.StatisticDuration;

/** Writes statistics in the protocol's words. */
final class WireStatistics {
  private WireStatistics() {}

  static ModelStatistics write(
      ModelVersion model, io.skerry.agent.model.ModelStatistics statistics) {
    ModelStatistics.Builder written =
        ModelStatistics.newBuilder()
            .setName(model.model().value())
            .setVersion(Long.toString(model.version()))
            .setLastInference(statistics.lastMillis())
            .setInferenceCount(statistics.inferences())
            .setExecutionCount(statistics.executions())
            .setInferenceStats(
                InferStatistics.newBuilder()
                    .setSuccess(duration(statistics.success()))
                    .setFail(duration(statistics.fail()))
                    .setQueue(duration(statistics.queue()))
                    .setComputeInput(duration(statistics.input()))
                    .setComputeInfer(duration(statistics.infer()))
                    .setComputeOutput(duration(statistics.output()))
                    .setCacheHit(StatisticDuration.getDefaultInstance())
                    .setCacheMiss(StatisticDuration.getDefaultInstance()));
    statistics
        .batches()
        .forEach(
            (size, batch) ->
                written.addBatchStats(
                    InferBatchStatistics.newBuilder()
                        .setBatchSize(size)
                        .setComputeInput(duration(batch.input()))
                        .setComputeInfer(duration(batch.infer()))
                        .setComputeOutput(duration(batch.output()))));
    return written.build();
  }

  private static StatisticDuration duration(Sum sum) {
    return StatisticDuration.newBuilder().setCount(sum.count()).setNs(sum.nanos()).build();
  }
}
