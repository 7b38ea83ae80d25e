package io.skerry.packager;

import io.skerry.packager.measure.Measured;
import io.skerry.packager.measure.Quality;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The candidates as a picture (SVG): one field per profile, time against the metric with its
 * interval; where nothing is timed, size stands for time. A line joins those that no other one
 * beats in both.
 */
final class ParetoPlot {
  private static final int WIDTH = 640;
  private static final int FIELD_HEIGHT = 260;
  private static final int LEFT = 70;
  private static final int RIGHT = 150;
  private static final int TOP = 40;
  private static final int BOTTOM = 45;

  private record Point(String name, double x, Quality quality, boolean winner, boolean unbeaten) {}

  private final PackagingReport report;
  private final StringBuilder text = new StringBuilder();

  private ParetoPlot(PackagingReport report) {
    this.report = report;
  }

  static String svg(PackagingReport report) {
    return new ParetoPlot(report).draw();
  }

  private String draw() {
    Map<String, List<Measured>> profiles = new LinkedHashMap<>();
    Map<Measured, Boolean> winners = new LinkedHashMap<>();
    for (Variant variant : report.variants()) {
      Measured measured = variant.verdict().measured();
      profiles.computeIfAbsent(variant.profile(), id -> new ArrayList<>()).add(measured);
      winners.merge(measured, variant.verdict().winner(), Boolean::logicalOr);
    }
    Map<String, Frontier> fields = new LinkedHashMap<>();
    profiles.forEach(
        (profile, candidates) -> {
          Frontier frontier = Frontier.of(report.metric(), candidates);
          if (!frontier.places().isEmpty()) {
            fields.put(profile, frontier);
          }
        });
    line(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
            + " font-family=\"sans-serif\" font-size=\"11\">",
        WIDTH, FIELD_HEIGHT * Math.max(1, fields.size()));
    line("<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>");
    int field = 0;
    for (Map.Entry<String, Frontier> entry : fields.entrySet()) {
      Frontier frontier = entry.getValue();
      Set<Measured> unbeaten = frontier.unbeaten();
      List<Point> points = new ArrayList<>();
      for (Measured measured : frontier.places()) {
        points.add(
            new Point(
                measured.candidate().toString(),
                frontier.cost(measured),
                measured.quality().orElseThrow(),
                winners.getOrDefault(measured, false),
                unbeaten.contains(measured)));
      }
      field(
          field++ * FIELD_HEIGHT,
          entry.getKey(),
          frontier.isTimed() ? "p50, us" : "size, KiB",
          points);
    }
    line("</svg>");
    return text.toString();
  }

  private void field(int top, String profile, String unit, List<Point> points) {
    double right = points.stream().mapToDouble(Point::x).max().orElse(1) * 1.1;
    double low = points.stream().mapToDouble(p -> p.quality().interval().low()).min().orElse(0);
    double high = points.stream().mapToDouble(p -> p.quality().interval().high()).max().orElse(1);
    double span = Math.max(1e-6, high - low);
    line(
        "<text x=\"%d\" y=\"%d\" font-size=\"14\" font-weight=\"bold\">%s</text>",
        LEFT, top + 22, escaped(profile));
    int bottom = top + FIELD_HEIGHT - BOTTOM;
    line(
        "<path d=\"M%d %d V%d H%d\" fill=\"none\" stroke=\"#444444\"/>",
        LEFT, top + TOP, bottom, WIDTH - RIGHT);
    for (int i = 0; i <= 4; i++) {
      double x = right * i / 4;
      double y = low + span * i / 4;
      line(
          "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.4g</text>",
          across(x, right), bottom + 16, x);
      line(
          "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4f</text>",
          LEFT - 6, down(y, low, span, top) + 4, y);
    }
    line("<text x=\"%d\" y=\"%d\">%s</text>", LEFT, bottom + 34, escaped(unit));
    line(
        "<text x=\"%d\" y=\"%d\">%s</text>",
        LEFT + 4, top + TOP - 4, escaped(report.metric().text()));
    frontier(points, right, low, span, top);
    for (Point point : points) {
      point(point, right, low, span, top);
    }
  }

  private void frontier(List<Point> points, double right, double low, double span, int top) {
    StringBuilder path = new StringBuilder();
    points.stream()
        .filter(Point::unbeaten)
        .sorted(java.util.Comparator.comparingDouble(Point::x))
        .forEach(
            p ->
                path.append(path.isEmpty() ? 'M' : 'L')
                    .append(
                        String.format(
                            Locale.ROOT,
                            "%.1f %.1f ",
                            across(p.x(), right),
                            down(p.quality().value(), low, span, top))));
    line("<path d=\"%s\" fill=\"none\" stroke=\"#2a6fbb\" stroke-dasharray=\"4 3\"/>", path);
  }

  private void point(Point point, double right, double low, double span, int top) {
    double x = across(point.x(), right);
    line(
        "<path d=\"M%.1f %.1f V%.1f\" stroke=\"#999999\"/>",
        x,
        down(point.quality().interval().low(), low, span, top),
        down(point.quality().interval().high(), low, span, top));
    double y = down(point.quality().value(), low, span, top);
    line(
        "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"%s\"/>",
        x, y, point.winner() ? "#1a7f37" : "#2a6fbb");
    line(
        "<text x=\"%.1f\" y=\"%.1f\"%s>%s</text>",
        x + 8,
        y - 6,
        point.winner() ? " font-weight=\"bold\"" : "",
        escaped(point.name() + (point.winner() ? " (ships)" : "")));
  }

  private static double across(double x, double right) {
    return LEFT + (WIDTH - LEFT - RIGHT) * x / right;
  }

  private static double down(double y, double low, double span, int top) {
    int height = FIELD_HEIGHT - TOP - BOTTOM;
    return top + TOP + height * (1 - (y - low) / span);
  }

  private void line(String format, Object... values) {
    text.append(String.format(Locale.ROOT, format, values)).append('\n');
  }

  private static String escaped(String plain) {
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
