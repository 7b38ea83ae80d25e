package io.skerry.control.packaging;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import io.skerry.api.Interval;
import io.skerry.api.Variant;
import io.skerry.api.VariantQuality;
import io.skerry.api.VariantState;
import io.skerry.api.VariantTiming;
import io.skerry.artifact.job.JobError;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/**
 * What the packager measured and decided, winners and losers, as its {@code report.json} tells it.
 *
 * @param metric what all are judged by
 * @param refused profiles that got no artifact
 */
record PackagerReport(String metric, List<Told> variants, @Nullable List<Refused> refused) {
  private static final int ENDS = 2;

  /**
   * Reads a report.
   *
   * @throws JsonParseException if it is none
   */
  @SuppressWarnings("NullAway") // Whatever a file leaves out is null.
  static PackagerReport parse(String json) {
    PackagerReport report = new Gson().fromJson(json, PackagerReport.class);
    if (report == null || report.variants == null || report.metric == null) {
      throw new JsonParseException("report.json names no metric or no variants");
    }
    return report;
  }

  /** Profiles that candidates were made for. */
  List<String> profiles() {
    return variants.stream().map(Told::profile).distinct().toList();
  }

  /** Why some profiles got no artifact; absent when all did. */
  @Nullable JobError refusal() {
    return refused == null || refused.isEmpty()
        ? null
        : new JobError(
            ErrorCode.PACKAGING_FAILED.name(),
            refused.stream().map(Refused::reason).collect(Collectors.joining("; ")));
  }

  /** A variant as the registry keeps it. */
  Variant kept(
      Told told, VariantState state, @Nullable Digest manifest, @Nullable Digest signature) {
    return new Variant(
        told.profile,
        told.engine,
        told.precision,
        told.options == null ? List.of() : told.options,
        told.bytes,
        told.quality == null ? null : told.quality.of(metric),
        told.timing(),
        told.measured,
        told.winner,
        state,
        manifest == null ? null : manifest.toString(),
        signature == null ? null : signature.toString(),
        // What is shipped tells whether it ever ran on such a processor.
        told.winner && told.proof != null ? told.reason + told.proof.words() : told.reason);
  }

  /** A profile, and why nothing ships to it: one line that names it. */
  record Refused(String profile, String reason) {}

  /**
   * A candidate of a profile.
   *
   * @param model digest of its file; absent where none could be built
   */
  record Told(
      String profile,
      String engine,
      String precision,
      @Nullable List<String> options,
      long bytes,
      @Nullable String model,
      @Nullable Judged quality,
      @Nullable Double p50Micros,
      @Nullable Double p99Micros,
      @Nullable Double loadMillis,
      @Nullable Long peakMemoryBytes,
      String measured,
      boolean winner,
      @Nullable String reason,
      @Nullable Proof proof) {
    private @Nullable VariantTiming timing() {
      return p50Micros == null
          ? null
          : new VariantTiming(
              p50Micros,
              p99Micros,
              loadMillis,
              peakMemoryBytes == null || peakMemoryBytes == 0 ? null : peakMemoryBytes);
    }
  }

  /** Figures beside the float model's. */
  record Judged(
      @Nullable Double value,
      @Nullable List<Double> interval,
      @Nullable Double difference,
      @Nullable List<Double> differenceInterval,
      @Nullable Integer flips,
      @Nullable Double signalToNoise,
      int items) {
    /** Absent when a candidate answers no numbers, so that its metric is none either. */
    private @Nullable VariantQuality of(String metric) {
      List<Double> own = interval;
      List<Double> paired = differenceInterval;
      if (own == null || paired == null || own.size() != ENDS || paired.size() != ENDS) {
        return null;
      }
      Double said = value;
      Double lost = difference;
      if (said == null || lost == null || own.contains(null) || paired.contains(null)) {
        return null;
      }
      boolean finite =
          DoubleStream.of(said, own.get(0), own.get(1), lost, paired.get(0), paired.get(1))
              .allMatch(Double::isFinite);
      boolean noisy = signalToNoise != null && Double.isFinite(signalToNoise);
      return finite
          ? new VariantQuality(
              metric,
              new Interval(said, own.get(0), own.get(1)),
              new Interval(lost, paired.get(0), paired.get(1)),
              items,
              flips,
              noisy ? signalToNoise : null)
          : null;
    }
  }

  /**
   * Where a variant's accuracy was proved.
   *
   * @param by what was emulated; absent when nothing was
   * @param quality what came of it
   * @param lost why it must not ship after that; absent when it may
   * @param reason why it is unproved
   */
  record Proof(
      @Nullable String by,
      @Nullable Judged quality,
      @Nullable String lost,
      @Nullable String reason) {
    /** What an operator is told beside the verdict. */
    String words() {
      if (quality != null && quality.value() != null) {
        return String.format(
            Locale.ROOT,
            "; accuracy proved under %s: %.4f on %d items",
            by,
            quality.value(),
            quality.items());
      }
      return reason == null ? "" : "; accuracy unproved: " + reason;
    }
  }
}
