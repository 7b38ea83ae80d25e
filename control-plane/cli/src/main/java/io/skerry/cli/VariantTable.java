package io.skerry.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.StreamSupport;

/** A version's candidates: what was measured of each, and why one of a profile ships. */
final class VariantTable {
  private static final List<Kind.Column> COLUMNS =
      List.of(
          Kind.Column.of("PROFILE", "profile"),
          new Kind.Column(
              "CANDIDATE", one -> Json.text(one, "engine") + "/" + Json.text(one, "precision")),
          Kind.Column.of("STATE", "state"),
          Kind.Column.of("METRIC", "quality.metric"),
          new Kind.Column("VALUE", one -> interval(one, "quality.value", "%.4f")),
          new Kind.Column("AGAINST_FLOAT", one -> interval(one, "quality.difference", "%+.4f")),
          Kind.Column.of("ITEMS", "quality.items"),
          Kind.Column.of("FLIPS", "quality.flips"),
          new Kind.Column("SQNR_DB", VariantTable::noise),
          Kind.Column.of("P50_US", "timing.p50Micros"),
          Kind.Column.of("P99_US", "timing.p99Micros"),
          Kind.Column.of("TIMED", "measured"),
          Kind.Column.of("BYTES", "bytes"),
          Kind.Column.of("PEAK_BYTES", "timing.peakMemoryBytes"),
          Kind.Column.of("LOAD_MS", "timing.loadMillis"),
          Kind.Column.of("REASON", "reason"));

  private VariantTable() {}

  static void print(JsonArray variants, PrintWriter out) {
    Table table = new Table(COLUMNS.stream().map(Kind.Column::title).toList());
    for (JsonElement variant : variants) {
      JsonObject one = variant.getAsJsonObject();
      table.add(COLUMNS.stream().map(column -> column.value().apply(one)).toList());
    }
    table.print(out);
    if (StreamSupport.stream(variants.spliterator(), false)
        .anyMatch(one -> Json.text(one.getAsJsonObject(), "quality.metric").equals("agreement"))) {
      out.println(
          "agreement: no labels were given; the share of items, of a detector's boxes, on which a"
              + " candidate agrees with the model as given");
    }
  }

  private static String interval(JsonObject variant, String path, String format) {
    return Json.find(variant, path)
        .map(
            found -> {
              JsonObject value = found.getAsJsonObject();
              return "%s [%s,%s]"
                  .formatted(
                      number(value, "value", format),
                      number(value, "low", format),
                      number(value, "high", format));
            })
        .orElse("-");
  }

  private static String number(JsonObject value, String name, String format) {
    return String.format(Locale.ROOT, format, value.get(name).getAsDouble());
  }

  private static String noise(JsonObject variant) {
    Optional<JsonElement> quality = Json.find(variant, "quality");
    // What says exactly the same has no noise.
    return quality.isPresent() && Json.find(variant, "quality.signalToNoise").isEmpty()
        ? "same"
        : Json.text(variant, "quality.signalToNoise");
  }
}
