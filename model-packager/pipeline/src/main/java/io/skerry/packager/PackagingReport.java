package io.skerry.packager;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.packager.measure.Interval;
import io.skerry.packager.measure.Measured;
import io.skerry.packager.measure.Metric;
import io.skerry.packager.measure.Proof;
import io.skerry.packager.measure.Quality;
import io.skerry.packager.measure.Timing;
import io.skerry.profile.Engine;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What was measured and decided, winners and losers.
 *
 * @param calibrationItems that ranges were taken from
 * @param items of the evaluation
 * @param sharedItems of these, that are the same as some that ranges were taken from
 * @param refused profiles that got no artifact, with the reason: one line that names the profile
 * @param signal what the input was taken for, as devices watch it
 */
record PackagingReport(
    Metric metric,
    double floatMetric,
    int calibrationItems,
    int items,
    int sharedItems,
    List<Variant> variants,
    Map<String, String> refused,
    Optional<String> signal) {
  PackagingReport {
    variants = List.copyOf(variants);
    refused = Collections.unmodifiableMap(new LinkedHashMap<>(refused));
  }

  String json() {
    JsonArray array = new JsonArray();
    variants.forEach(variant -> array.add(json(variant)));
    JsonObject report = new JsonObject();
    report.addProperty("metric", metric.text());
    report.addProperty("float", number(floatMetric));
    report.addProperty("calibrationItems", calibrationItems);
    report.addProperty("items", items);
    report.addProperty("sharedItems", sharedItems);
    signal.ifPresent(taken -> report.addProperty("signal", taken));
    report.add("variants", array);
    JsonArray without = new JsonArray();
    refused.forEach(
        (profile, reason) -> {
          JsonObject object = new JsonObject();
          object.addProperty("profile", profile);
          object.addProperty("reason", reason);
          without.add(object);
        });
    report.add("refused", without);
    return new GsonBuilder()
            .serializeNulls()
            .disableHtmlEscaping()
            .setPrettyPrinting()
            .create()
            .toJson(report)
        + "\n";
  }

  private JsonObject json(Variant variant) {
    Measured measured = variant.verdict().measured();
    JsonObject object = new JsonObject();
    object.addProperty("profile", variant.profile());
    object.addProperty("engine", measured.candidate().engine().text());
    object.addProperty("precision", measured.candidate().precision().text());
    JsonArray options = new JsonArray();
    measured.options().forEach(options::add);
    object.add("options", options);
    object.addProperty("bytes", measured.bytes());
    object.addProperty("model", measured.digest().map(Object::toString).orElse(null));
    object.addProperty(
        metric.text(), measured.quality().map(quality -> number(quality.value())).orElse(null));
    object.add("quality", measured.quality().map(PackagingReport::json).orElse(null));
    object.addProperty("p50Micros", measured.timing().map(Timing::p50Micros).orElse(null));
    object.addProperty("p99Micros", measured.timing().map(Timing::p99Micros).orElse(null));
    object.addProperty("loadMillis", measured.timing().map(Timing::loadMillis).orElse(null));
    object.addProperty(
        "peakMemoryBytes",
        measured.timing().map(Timing::peakMemoryBytes).filter(bytes -> bytes > 0).orElse(null));
    object.addProperty(
        "estimatedMemoryBytes",
        measured.estimatedMemoryBytes().isPresent()
            ? measured.estimatedMemoryBytes().getAsLong()
            : null);
    object.addProperty("memory", memory(measured));
    object.addProperty(
        "measured", measured.timing().map(timing -> timing.source().text()).orElse("none"));
    object.add("proof", proof(measured));
    object.add("unfused", measured.unfused().map(PackagingReport::json).orElse(null));
    object.addProperty("winner", variant.verdict().winner());
    variant
        .artifact()
        .ifPresent(
            layout -> {
              object.addProperty("manifest", layout.model().toString());
              object.addProperty("signature", layout.signature().toString());
            });
    object.addProperty("reason", variant.verdict().reason());
    return object;
  }

  /** Where what memory is judged by comes from. */
  private static String memory(Measured measured) {
    if (measured.measuredMemoryBytes().isPresent()) {
      return measured.timing().orElseThrow().source().text();
    }
    return measured.estimatedMemoryBytes().isPresent() ? "estimated" : "none";
  }

  private static JsonObject proof(Measured measured) {
    Proof proof = measured.proof();
    JsonObject object = new JsonObject();
    object.addProperty("accuracy", proof.text());
    switch (proof) {
      case Proof.Here here -> {}
      case Proof.Emulated(String by, Quality quality) -> {
        object.addProperty("by", by);
        object.add("quality", json(quality));
        object.addProperty("lost", measured.failure().orElse(null));
      }
      case Proof.Unproved(String reason) -> object.addProperty("reason", reason);
    }
    return object;
  }

  private static JsonObject json(Quality quality) {
    JsonObject object = new JsonObject();
    object.addProperty("value", number(quality.value()));
    object.add("interval", json(quality.interval()));
    object.addProperty("difference", number(quality.difference()));
    object.add("differenceInterval", json(quality.differenceInterval()));
    object.addProperty("pValue", number(quality.pValue()));
    object.addProperty("flips", quality.flips().isPresent() ? quality.flips().getAsInt() : null);
    object.addProperty("signalToNoise", number(quality.signalToNoise()));
    object.addProperty("items", quality.items());
    return object;
  }

  private static JsonArray json(List<String> texts) {
    JsonArray array = new JsonArray();
    texts.forEach(array::add);
    return array;
  }

  private static JsonArray json(Interval interval) {
    JsonArray array = new JsonArray();
    array.add(number(interval.low()));
    array.add(number(interval.high()));
    return array;
  }

  /** Absent where a candidate answers no numbers, or has no noise: JSON knows neither. */
  private static @Nullable Double number(double value) {
    return Double.isFinite(value) ? value : null;
  }

  /** The same as a table for people. */
  String table() {
    StringBuilder text = new StringBuilder();
    text.append("calibrated on %d items, judged on %d".formatted(calibrationItems, items))
        .append(
            sharedItems == 0
                ? " others%n".formatted()
                : ", of which %d are the same as some of those%n".formatted(sharedItems));
    signal.ifPresent(taken -> text.append("input: %s%n".formatted(taken)));
    text.append(
        String.format(
            Locale.ROOT,
            "%-16s %-22s %9s %9s %17s %17s %6s %6s %8s %8s %8s %8s %-6s %-5s %-8s  %s%n",
            "PROFILE",
            "CANDIDATE",
            "BYTES",
            metric.text().toUpperCase(Locale.ROOT),
            "INTERVAL",
            "AGAINST FLOAT",
            "FLIPS",
            "SQNR",
            "P50 US",
            "P99 US",
            "LOAD MS",
            "PEAK MB",
            "TIMED",
            "FRONT",
            "PROOF",
            "VERDICT"));
    Map<String, Set<Measured>> unbeaten = unbeaten();
    variants.forEach(
        variant ->
            text.append(
                row(
                    variant,
                    unbeaten
                        .getOrDefault(variant.profile(), Set.of())
                        .contains(variant.verdict().measured()))));
    return text.toString();
  }

  private Map<String, Set<Measured>> unbeaten() {
    Map<String, List<Measured>> profiles = new LinkedHashMap<>();
    variants.forEach(
        variant ->
            profiles
                .computeIfAbsent(variant.profile(), id -> new ArrayList<>())
                .add(variant.verdict().measured()));
    Map<String, Set<Measured>> unbeaten = new LinkedHashMap<>();
    profiles.forEach(
        (profile, candidates) -> unbeaten.put(profile, Frontier.of(metric, candidates).unbeaten()));
    return unbeaten;
  }

  private static String row(Variant variant, boolean unbeaten) {
    Measured measured = variant.verdict().measured();
    Quality quality = measured.quality().orElse(null);
    Timing timing = measured.timing().orElse(null);
    return String.format(
        Locale.ROOT,
        "%-16s %-22s %9d %9s %17s %17s %6s %6s %8s %8s %8s %8s %-6s %-5s %-8s  %s%s%s%n",
        variant.profile(),
        measured.candidate(),
        measured.bytes(),
        quality == null ? "-" : number("%.4f", quality.value()),
        quality == null
            ? "-"
            : String.format(
                Locale.ROOT, "%.4f..%.4f", quality.interval().low(), quality.interval().high()),
        quality == null
            ? "-"
            : String.format(
                Locale.ROOT,
                "%+.4f ±%.4f",
                quality.difference(),
                (quality.differenceInterval().high() - quality.differenceInterval().low()) / 2),
        quality == null || quality.flips().isEmpty()
            ? "-"
            : Integer.toString(quality.flips().getAsInt()),
        quality == null ? "-" : number("%.1f", quality.signalToNoise()),
        timing == null ? "-" : number("%.1f", timing.p50Micros()),
        timing == null ? "-" : number("%.1f", timing.p99Micros()),
        timing == null ? "-" : number("%.1f", timing.loadMillis()),
        peakMegabytes(measured),
        timing == null ? "none" : timing.source().text(),
        unbeaten ? "yes" : "-",
        measured.proof().text(),
        variant.verdict().winner() ? "WINS: " : "",
        variant.verdict().reason(),
        remarks(measured));
  }

  /** Estimated memory has a mark: nobody measured it. */
  private static String peakMegabytes(Measured measured) {
    if (measured.measuredMemoryBytes().isPresent()) {
      return String.format(Locale.ROOT, "%.1f", measured.measuredMemoryBytes().getAsLong() / 1e6);
    }
    return measured.estimatedMemoryBytes().isPresent()
        ? String.format(Locale.ROOT, "~%.1f", measured.estimatedMemoryBytes().getAsLong() / 1e6)
        : "-";
  }

  private static String remarks(Measured measured) {
    StringBuilder text = new StringBuilder();
    if (!measured.options().isEmpty()) {
      text.append(" [").append(String.join(", ", measured.options())).append(']');
    }
    if (measured.proof() instanceof Proof.Emulated(String by, Quality quality)) {
      text.append(
          String.format(
              Locale.ROOT, "; %.4f on %d items under %s", quality.value(), quality.items(), by));
    }
    boolean tflite = measured.candidate().engine() == Engine.TFLITE;
    measured
        .unfused()
        .filter(unfused -> !unfused.isEmpty())
        .ifPresent(
            unfused ->
                text.append(tflite ? "; outside XNNPACK: " : "; stays unfused: ")
                    .append(String.join(", ", unfused)));
    return text.toString();
  }

  private static String number(String format, @Nullable Double value) {
    return value == null || Double.isInfinite(value)
        ? "inf"
        : String.format(Locale.ROOT, format, value);
  }
}
