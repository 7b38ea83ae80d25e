package io.skerry.packager;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.packager.measure.Measured;
import io.skerry.packager.measure.Metric;
import java.util.List;
import java.util.Locale;

/** What was measured and decided, winners and losers. */
record PackagingReport(Metric metric, double floatMetric, List<Variant> variants) {
  PackagingReport {
    variants = List.copyOf(variants);
  }

  String json() {
    JsonArray array = new JsonArray();
    for (Variant variant : variants) {
      Measured measured = variant.verdict().measured();
      JsonObject object = new JsonObject();
      object.addProperty("profile", variant.profile());
      object.addProperty("engine", measured.candidate().engine().text());
      object.addProperty("precision", measured.candidate().precision().text());
      object.addProperty("bytes", measured.bytes());
      object.addProperty(metric.text(), measured.metric().orElse(null));
      object.addProperty("p50Micros", measured.p50Micros().orElse(null));
      object.addProperty("measured", variant.timedHere() ? "here" : "none");
      object.addProperty("winner", variant.verdict().winner());
      variant
          .artifact()
          .ifPresent(
              layout -> {
                object.addProperty("manifest", layout.model().toString());
                object.addProperty("signature", layout.signature().toString());
              });
      object.addProperty("reason", variant.verdict().reason());
      array.add(object);
    }
    JsonObject report = new JsonObject();
    report.addProperty("metric", metric.text());
    report.addProperty("float", floatMetric);
    report.add("variants", array);
    return new GsonBuilder()
            .serializeNulls()
            .disableHtmlEscaping()
            .setPrettyPrinting()
            .create()
            .toJson(report)
        + "\n";
  }

  /** The same as a table for people. */
  String table() {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "%-16s %-18s %10s %10s %10s  %s%n",
            "PROFILE",
            "CANDIDATE",
            "BYTES",
            metric.text().toUpperCase(Locale.ROOT),
            "P50 US",
            "VERDICT"));
    for (Variant variant : variants) {
      Measured measured = variant.verdict().measured();
      text.append(
          String.format(
              Locale.ROOT,
              "%-16s %-18s %10d %10s %10s  %s%s%n",
              variant.profile(),
              measured.candidate(),
              measured.bytes(),
              measured.metric().map(m -> String.format(Locale.ROOT, "%.4f", m)).orElse("-"),
              measured.p50Micros().map(m -> String.format(Locale.ROOT, "%.1f", m)).orElse("-"),
              variant.verdict().winner() ? "WINS: " : "",
              variant.verdict().reason()));
    }
    return text.toString();
  }
}
