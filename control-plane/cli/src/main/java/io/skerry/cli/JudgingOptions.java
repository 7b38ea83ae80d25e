package io.skerry.cli;

import io.skerry.api.Judging;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How variants are judged, as {@code skerry pack} takes it. */
final class JudgingOptions {
  @Option(
      names = "--metric",
      description =
          "what variants are judged by: rocAuc, accuracy, rmse, mae, meanAveragePrecision, meanIou or agreement; default: by labels and outputs")
  private @Nullable String metric;

  @Option(
      names = "--boxes",
      description =
          "what a detector's output holds, for meanAveragePrecision or, without labels, agreement: corners, centres, centres-objectness or detection-postprocess; default: corners")
  private @Nullable String boxes;

  @Option(
      names = "--score-output",
      paramLabel = "NAME",
      description =
          "the output that holds the score; for detection-postprocess the names of the four, in its order, with commas; default: the first, or the model's order")
  private @Nullable String scoreOutput;

  @Option(
      names = "--max-drop",
      description =
          "what of the metric a variant may lose: 0.5pt, 0.5%% or 0.005; default: the metric's own")
  private @Nullable String maxDrop;

  /** What a packaging is asked for; absent when nothing is said. */
  @Nullable Judging judging() {
    Judging said = new Judging(metric, boxes, scoreOutput, maxDrop == null ? null : share(maxDrop));
    return said.equals(Judging.BY_DATA) ? null : said;
  }

  /** The same as parts of a form. */
  Map<String, String> parts() {
    Map<String, String> parts = new LinkedHashMap<>();
    Judging said = judging();
    if (said != null) {
      put(parts, "metric", said.metric());
      put(parts, "boxes", said.boxes());
      put(parts, "scoreOutput", said.scoreOutput());
      put(parts, "maxDrop", said.maxDrop());
    }
    return parts;
  }

  private static void put(Map<String, String> parts, String name, @Nullable Object value) {
    if (value != null) {
      parts.put(name, value.toString());
    }
  }

  private static double share(String text) {
    boolean hundredths = text.endsWith("pt") || text.endsWith("%");
    String number =
        hundredths ? text.substring(0, text.length() - (text.endsWith("%") ? 1 : 2)) : text;
    try {
      return Double.parseDouble(number) / (hundredths ? 100 : 1);
    } catch (NumberFormatException e) {
      throw new CommandFailed(
          ExitCodes.USAGE, "--max-drop '%s' is no number: use 0.5pt".formatted(text));
    }
  }
}
