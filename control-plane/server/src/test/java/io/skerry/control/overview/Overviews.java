package io.skerry.control.overview;

import io.skerry.api.Attention;
import io.skerry.api.DatasetBatch;
import io.skerry.api.DeviceOverview;
import io.skerry.api.DriftOverview;
import io.skerry.api.FleetOverview;
import io.skerry.api.IncidentOverview;
import io.skerry.api.Interval;
import io.skerry.api.ModelVersionView;
import io.skerry.api.ModelView;
import io.skerry.api.Overview;
import io.skerry.api.Progress;
import io.skerry.api.RolloutOverview;
import io.skerry.api.Run;
import io.skerry.api.RunMetrics;
import io.skerry.api.Share;
import io.skerry.api.SliceMetrics;
import io.skerry.api.SliceScore;
import io.skerry.api.SplitCounts;
import io.skerry.api.StageOverview;
import io.skerry.api.TelemetryView;
import io.skerry.api.Variant;
import io.skerry.api.VariantQuality;
import io.skerry.api.VariantState;
import io.skerry.api.VariantTiming;
import io.skerry.api.WeightFile;
import io.skerry.api.WorkState;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Overviews for the page tests. */
final class Overviews {
  private static final Instant NOW = Instant.parse("2026-11-20T10:30:00Z");
  private static final String SNAPSHOT = "sha256:" + "a1b2c3d4".repeat(8);

  private Overviews() {}

  static Overview empty() {
    return new Overview(
        NOW,
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        new FleetOverview(0, 0, List.of(), List.of(), List.of(), List.of()),
        List.of(),
        List.of(),
        List.of(),
        new TelemetryView(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  }

  static Overview busy(String cohort) {
    return new Overview(
        NOW,
        List.of(
            new Attention(
                "bad",
                "s11 drifted on " + cohort,
                "balanced accuracy fell from 0.941 to 0.702 on 412 predictions with feedback",
                "drift"),
            new Attention("warn", "engine-47 is offline", "last seen 3 min ago", "devices")),
        List.of(
            new DatasetBatch(
                "engines",
                "2026-11",
                SNAPSHOT,
                NOW,
                20_631,
                100,
                17_731,
                12_400,
                2_650,
                2_681,
                30,
                List.of("s2", "s11"))),
        List.of(run(3, null), run(2, metrics())),
        List.of(new ModelView("engine-health", List.of(version(2), version(1)))),
        List.of(),
        fleet(cohort),
        List.of(
            rollout("r-3", "ROLLED_BACK", 3, 1),
            rollout("r-2", "SUCCEEDED", 2, 3),
            rollout("r-1", "SUCCEEDED", 1, 3)),
        List.of(
            new IncidentOverview(
                "i-1",
                "OPEN",
                "engine-health",
                1,
                cohort,
                "s11",
                NOW.minusSeconds(42),
                103,
                106,
                2.6,
                "+2.6 σ",
                0.81,
                17,
                "CUSUM",
                "balancedAccuracy",
                0.941,
                0.702,
                412L)),
        List.of(
            new DriftOverview(cohort, "s11", 14.2, 6, 4_212),
            new DriftOverview("site=a", "$score", 4.1, 6, 4_400),
            new DriftOverview("site=c", "s4", 1.2, 6, 4_380)),
        new TelemetryView(18_211, 2_304, 9_120, 311, 12, 0, 0, 0, 0, 0, 0, 0));
  }

  private static FleetOverview fleet(String cohort) {
    List<DeviceOverview> lines = new ArrayList<>();
    lines.add(
        new DeviceOverview(
            "engine-47",
            cohort,
            "arm64-neon",
            false,
            NOW.minusSeconds(190),
            "ROLLED_BACK",
            "engine-health@1",
            "PROBATION_FAILED: 3 of 20 predictions failed",
            4_120,
            0));
    for (int i = 0; i < 12; i++) {
      lines.add(
          new DeviceOverview(
              "engine-%02d".formatted(i),
              "site=" + "abc".charAt(i % 3),
              i % 2 == 0 ? "x86-64-vnni" : "arm64-dotprod",
              true,
              NOW.minusSeconds(1 + i % 4),
              i == 3 ? "DOWNLOADING" : "COMMITTED",
              "engine-health@" + (i == 3 ? 1 : 2),
              null,
              4_000 + 17 * i,
              0));
    }
    return new FleetOverview(
        51,
        50,
        List.of(
            new Share("COMMITTED", 44), new Share("DOWNLOADING", 6), new Share("ROLLED_BACK", 1)),
        List.of(new Share("engine-health@2", 44), new Share("engine-health@1", 7)),
        List.of(
            new Share("x86-64-vnni", 13), new Share("x86-64-avx2", 13),
            new Share("arm64-dotprod", 13), new Share("arm64-neon", 12)),
        lines);
  }

  private static RolloutOverview rollout(String id, String state, long version, int stages) {
    List<StageOverview> all = new ArrayList<>();
    int[] devices = {6, 15, 30};
    double[] percents = {10, 40, 100};
    for (int i = 0; i < 3; i++) {
      boolean ran = i < stages;
      boolean bad = state.equals("ROLLED_BACK") && i == 0;
      all.add(
          new StageOverview(
              i + 1,
              percents[i],
              bad ? "FAILED" : ran ? "PASSED" : "PENDING",
              devices[i],
              ran && !bad ? devices[i] : 0,
              0,
              bad ? "FAIL" : ran ? "PASS" : null,
              bad
                  ? "balanced accuracy 0.512 on 96 outcomes, holdback 0.938: lower by more than 0.05"
                  : ran ? "0 of 1,204 predictions failed" : null));
    }
    return new RolloutOverview(
        id,
        state,
        "engine-health",
        version,
        stages == 1 ? 6 : 51,
        state.equals("ROLLED_BACK") ? "stage 1: feedback gate failed" : null,
        all);
  }

  private static Run run(long version, @Nullable RunMetrics metrics) {
    return new Run(
        "run-00" + version,
        metrics == null ? WorkState.RUNNING : WorkState.SUCCEEDED,
        "engine-health",
        SNAPSHOT,
        8,
        1,
        NOW,
        null,
        metrics == null ? new Progress("train", 3, 8, "epoch 3 of 8, loss 0.112") : null,
        metrics == null ? null : version,
        metrics,
        version == 2 ? "i-1" : null,
        null);
  }

  private static RunMetrics metrics() {
    Interval auc = new Interval(0.981, 0.973, 0.988);
    return new RunMetrics(
        auc,
        new Interval(0.913, 0.89, 0.93),
        auc,
        auc,
        new SplitCounts(12_400, 2_650, 2_681),
        new SplitCounts(2_170, 465, 465),
        9.8,
        new SliceMetrics(
            "site=b", 212, 31, new SliceScore(auc, auc, auc), new SliceScore(auc, auc, auc)));
  }

  private static ModelVersionView version(long version) {
    return new ModelVersionView(
        "engine-health",
        version,
        "run",
        "onnx",
        SNAPSHOT,
        List.of(),
        "run-00" + version,
        SNAPSHOT,
        metrics(),
        NOW,
        List.of(
            variant("arm64-dotprod", "tflite", "int8", 31_200, null),
            variant("arm64-neon", "onnxruntime", "fp32", 98_816, null),
            variant("x86-64-avx2", "onnxruntime", "fp32", 98_816, 61.2),
            variant("x86-64-vnni", "onnxruntime", "int8", 40_112, 48.9)));
  }

  private static Variant variant(
      String profile, String engine, String precision, long bytes, @Nullable Double p50) {
    return new Variant(
        profile,
        engine,
        precision,
        List.of(),
        bytes,
        quality("rocAuc", .98),
        p50 == null ? null : new VariantTiming(p50, 2 * p50, 4.2, 31L << 20),
        p50 == null ? "none" : "here",
        true,
        profile.equals("x86-64-vnni") ? VariantState.AWAITING_SIGNATURE : VariantState.RELEASED,
        SNAPSHOT,
        profile.equals("x86-64-vnni") ? null : SNAPSHOT,
        null);
  }

  static VariantQuality quality(String metric, double value) {
    return new VariantQuality(
        metric,
        new Interval(value, value - .0156, value + .0123),
        new Interval(-.0025, -.0074, .0024),
        400,
        metric.equals("rmse") ? null : 3,
        34.26);
  }

  /** A version of a class model, with winners, losers and one that could not be built. */
  static ModelVersionView classes(String metric) {
    return new ModelVersionView(
        "keywords",
        3,
        "import",
        "onnx",
        SNAPSHOT,
        List.of(new WeightFile("keywords.onnx.data", SNAPSHOT, 98_816)),
        null,
        null,
        null,
        NOW,
        List.of(
            candidate("x86-64-vnni", "int8", true, metric, "fastest that keeps the metric"),
            candidate("x86-64-vnni", "fp32", false, metric, "1.56 times the winner's time"),
            new Variant(
                "x86-64-vnni",
                "tflite",
                "int8",
                List.of(
                    "rounded by output error",
                    "2 layers in float",
                    "float:n0+n1+n11+n12+n13+n14+n15+n2+n3+n5+n7"),
                0,
                null,
                null,
                "none",
                false,
                VariantState.NOT_CHOSEN,
                null,
                null,
                "TFLite has no kernel for node 'gru_1'")));
  }

  private static Variant candidate(
      String profile, String precision, boolean winner, String metric, String reason) {
    return new Variant(
        profile,
        "onnxruntime",
        precision,
        List.of("clipped at 99.99 %"),
        26_312,
        quality(metric, .895),
        new VariantTiming(61.24, 118.2, 3.1, null),
        "here",
        winner,
        winner ? VariantState.RELEASED : VariantState.NOT_CHOSEN,
        winner ? SNAPSHOT : null,
        winner ? SNAPSHOT : null,
        reason);
  }
}
