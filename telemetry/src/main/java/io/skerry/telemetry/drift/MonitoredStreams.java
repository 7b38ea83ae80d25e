package io.skerry.telemetry.drift;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.StreamLayout;
import io.skerry.wire.artifact.v1.Bins;
import io.skerry.wire.artifact.v1.FeatureStream;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * The streams of one model version.
 *
 * @param layout where the counts of each stream lie
 * @param inputs the input's features: they do not depend on the model, so baselines outlive it
 * @param outputs streams that the version makes and that have an order: score or confidence,
 *     residuals. They start afresh with every version
 * @param classes that can be predicted; 0 when the model has no score, or says an amount
 * @param unit attribute whose devices share what disturbs them, for example a gateway: each of its
 *     values then has one say, and a device without it its own
 */
public record MonitoredStreams(
    StreamLayout layout,
    Map<String, Input> inputs,
    Map<String, BaselineBins> outputs,
    int classes,
    Optional<String> unit) {
  /** The score's stream, as devices count it. */
  public static final String SCORE = MonitoringPlan.SCORE;

  public MonitoredStreams {
    inputs = Collections.unmodifiableMap(new TreeMap<>(inputs));
    outputs = Collections.unmodifiableMap(new TreeMap<>(outputs));
  }

  /**
   * A feature of the input.
   *
   * @param standardDeviation of the training data, the unit in which shifts are told
   * @param categories the one value that each bin holds, by bin; NaN where it holds several. Empty
   *     where bins are of amounts; else they have no order
   */
  public record Input(BaselineBins bins, double standardDeviation, List<Double> categories) {
    public Input {
      categories = List.copyOf(categories);
    }

    /** What a mean position moves by when the feature moves by one training standard deviation. */
    public double slope() {
      return bins.density() * standardDeviation;
    }
  }

  /**
   * The range in which nearly all amounts lie that the model said of its reference rows: from the
   * first to the last edge of their bins. Empty when its score is no amount, but a probability or a
   * class.
   *
   * @return at least 0; 0 when it always said the same
   */
  public Optional<Double> amountRange() {
    return classes > 0
        ? Optional.empty()
        : Optional.ofNullable(outputs.get(SCORE))
            .map(BaselineBins::edges)
            .map(edges -> edges.isEmpty() ? 0 : edges.getLast() - edges.getFirst());
  }

  private static List<Double> categories(Bins bins) {
    if (bins.getCategoriesCount() == 0) {
      return List.of();
    }
    int last = Collections.max(bins.getCategoryBinsList());
    List<Double> categories = new ArrayList<>();
    for (int bin = 0; bin <= last; bin++) {
      int of = bin;
      List<Double> held =
          IntStream.range(0, bins.getCategoriesCount())
              .filter(i -> bins.getCategoryBins(i) == of)
              .mapToObj(i -> (double) bins.getCategories(i))
              .toList();
      categories.add(held.size() == 1 ? held.getFirst() : Double.NaN);
    }
    return categories;
  }

  /**
   * The streams of a monitoring manifest.
   *
   * @throws MalformedDocumentException if it contradicts itself
   */
  public static MonitoredStreams of(MonitoringManifest manifest) throws MalformedDocumentException {
    MonitoringPlan plan = MonitoringPlan.of(manifest);
    Map<String, Input> inputs = new TreeMap<>();
    for (FeatureStream feature : manifest.getFeaturesList()) {
      if (plan.layout().indexOf(feature.getName()) >= 0) {
        inputs.put(
            feature.getName(),
            new Input(
                BaselineBins.of(feature.getBins()),
                feature.getStandardDeviation(),
                categories(feature.getBins())));
      }
    }
    Map<String, BaselineBins> outputs = new TreeMap<>();
    boolean scored = plan.scoreOutput().isPresent();
    if (scored) {
      outputs.put(
          plan.hasClasses() ? MonitoringPlan.CONFIDENCE : MonitoringPlan.SCORE,
          manifest.getScore().hasValue()
              ? BaselineBins.of(manifest.getScore().getValue())
              : BaselineBins.unit(manifest.getScore().getBaselineList()));
    }
    if (plan.layout().indexOf(MonitoringPlan.SQUARED_PREDICTION_ERROR) >= 0) {
      outputs.put(
          MonitoringPlan.SQUARED_PREDICTION_ERROR,
          BaselineBins.of(manifest.getResidual().getSquaredPredictionError()));
      outputs.put(MonitoringPlan.HOTELLING, BaselineBins.of(manifest.getResidual().getHotelling()));
    }
    return new MonitoredStreams(
        plan.layout(),
        inputs,
        outputs,
        scored && !plan.isAmount() ? plan.classCount() : 0,
        Optional.of(manifest.getUnit()).filter(unit -> !unit.isEmpty()));
  }
}
