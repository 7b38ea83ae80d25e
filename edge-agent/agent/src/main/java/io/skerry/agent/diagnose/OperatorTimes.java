package io.skerry.agent.diagnose;

import io.skerry.agent.bench.ModelInputs;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ServingModel;
import io.skerry.protocol.ModelName;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.OperatorProfile;
import io.skerry.runtime.OperatorTime;
import io.skerry.runtime.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What each operator of a served version costs: the engine loads the file a second time, with its
 * profiler on, and runs it on zeros. What serves is not touched, and not slowed but by the runs.
 */
final class OperatorTimes {
  static final int RUNS = 50;
  static final int RUNS_MAX = 10_000;

  private final ModelSlots slots;
  private final ModelFiles files;
  private final EngineCatalog engines = EngineCatalog.discovered();

  OperatorTimes(ModelSlots slots, ModelFiles files) {
    this.slots = slots;
    this.files = files;
  }

  String of(String name, String version, int runs) throws IOException {
    if (runs > RUNS_MAX) {
      throw new IllegalArgumentException(
          "runs is %d, at most %d are made".formatted(runs, RUNS_MAX));
    }
    Optional<Long> number = version.isEmpty() ? Optional.empty() : Optional.of(parsed(version));
    ServingModel model =
        slots
            .find(new ModelName(name), number)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "no model '%s' %s is served: name one with model= and version="
                            .formatted(name, version)));
    Path file = files.of(model).orElseThrow(() -> new IOException("the model's file has gone"));
    List<Tensor> zeros = ModelInputs.zeros(model.signature());
    try {
      return page(model, engines.profile(model.engine(), file, LoadOptions.DEFAULTS, zeros, runs));
    } catch (EngineException e) {
      throw new IOException(String.valueOf(e.getMessage()), e);
    }
  }

  private static String page(ServingModel model, OperatorProfile profile) {
    int runs = profile.runs();
    List<OperatorTime> times = profile.operators();
    double total = times.stream().mapToLong(OperatorTime::nanos).sum();
    StringBuilder page = new StringBuilder();
    page.append(
        String.format(
            Locale.ROOT,
            "%s on %s, %d runs on zeros, one thread: %.1f us a run in operators%n",
            model.version(),
            model.engine(),
            runs,
            total / runs / 1e3));
    page.append("   us/run  share  operator      node\n");
    times.stream()
        .sorted(Comparator.comparingLong(time -> -time.nanos()))
        .forEach(
            time ->
                page.append(
                    String.format(
                        Locale.ROOT,
                        "%9.2f %5.1f%%  %-12s  %s%n",
                        time.nanos() / 1e3 / runs,
                        time.nanos() * 100 / Math.max(1, total),
                        time.operator(),
                        time.node())));
    return page.toString();
  }

  private static long parsed(String version) {
    try {
      return Long.parseLong(version);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("version is '%s', no number".formatted(version), e);
    }
  }
}
