package io.skerry.control.overview;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;

/**
 * A line chart as the page draws it: places of points, lines and marks inside a box of {@link
 * #WIDTH} by {@link #HEIGHT}, never more points than that is wide.
 *
 * @param lines each as the points of an SVG polyline
 * @param bands each as the points of an SVG polygon
 * @param levels horizontal lines
 * @param marks vertical lines
 * @param ticks values on the left
 * @param times moments below; none where x is no time
 */
public record Chart(
    List<Line> lines,
    List<String> bands,
    List<Level> levels,
    List<Mark> marks,
    List<Tick> ticks,
    List<Time> times) {
  /** Width of the box. */
  public static final int WIDTH = 640;

  /** Height of the box. */
  public static final int HEIGHT = 180;

  private static final int POINTS_MAX = 320;

  // A point by itself is drawn as a dash of twice that.
  private static final double DASH = 6;

  public Chart {
    lines = List.copyOf(lines);
    bands = List.copyOf(bands);
    levels = List.copyOf(levels);
    marks = List.copyOf(marks);
    ticks = List.copyOf(ticks);
    times = List.copyOf(times);
  }

  /** A curve with its name and its class for the style sheet. */
  public record Line(String name, String style, String points) {}

  /** A horizontal line. */
  public record Level(String name, String y) {}

  /**
   * A vertical line.
   *
   * @param anchor start, middle or end, as its name lies at its place and stays inside
   */
  public record Mark(String name, String x, String anchor) {}

  /** A value of the scale. */
  public record Tick(String text, String y) {}

  /**
   * A moment of the scale.
   *
   * @param anchor start, middle or end, as the text lies at its place
   */
  public record Time(String text, String x, String anchor) {}

  /** Gathers what a chart shows. */
  public static final class Builder {
    private record Series(String name, String style, List<double[]> points) {}

    private record Vertical(String name, double x) {}

    private record Horizontal(String name, double y) {}

    private final List<Series> series = new ArrayList<>();
    private final List<List<double[]>> bands = new ArrayList<>();
    private final List<Horizontal> levels = new ArrayList<>();
    private final List<Vertical> marks = new ArrayList<>();
    private boolean hasTimes;

    /** A curve through points of x and y. */
    public Builder line(String name, String style, List<double[]> points) {
      series.add(new Series(name, style, points));
      return this;
    }

    /** An area between points of x, low and high. */
    public Builder band(List<double[]> points) {
      bands.add(points);
      return this;
    }

    /** A horizontal line. */
    public Builder level(String name, double y) {
      levels.add(new Horizontal(name, y));
      return this;
    }

    /** A vertical line. */
    public Builder mark(String name, double x) {
      marks.add(new Vertical(name, x));
      return this;
    }

    /** Every x is a moment, in milliseconds since 1970. */
    public Builder times() {
      hasTimes = true;
      return this;
    }

    /** The chart; empty when no curve has a point. */
    public Chart build() {
      OptionalDouble left = xs().min();
      if (left.isEmpty()) {
        return new Chart(List.of(), List.of(), List.of(), List.of(), List.of(), List.of());
      }
      double x0 = left.getAsDouble();
      double x1 = xs().max().orElse(x0);
      double y0 = ys().min().orElse(0);
      double y1 = ys().max().orElse(1);
      double room = Math.max(1e-9, (y1 - y0) * .08);
      Scale scale = new Scale(x0, x1, y0 - room, y1 + room);
      return new Chart(
          series.stream()
              .map(one -> new Line(one.name(), one.style(), points(scale, thinned(one.points()))))
              .toList(),
          bands.stream().map(band -> area(scale, thinned(band))).toList(),
          levels.stream().map(level -> new Level(level.name(), text(scale.y(level.y())))).toList(),
          drawn(scale, marks.stream().filter(mark -> mark.x() >= x0 && mark.x() <= x1).toList()),
          DoubleStream.of(y0, (y0 + y1) / 2, y1)
              .mapToObj(
                  y -> new Tick(number(y, Math.max(Math.abs(y0), Math.abs(y1))), text(scale.y(y))))
              .toList(),
          hasTimes ? times(x0, x1) : List.of());
    }

    // What lies at one place has one name.
    private static List<Mark> drawn(Scale scale, List<Vertical> marks) {
      Map<String, List<String>> names = new LinkedHashMap<>();
      for (Vertical mark : marks) {
        names.computeIfAbsent(text(scale.x(mark.x())), key -> new ArrayList<>()).add(mark.name());
      }
      return names.entrySet().stream()
          .map(
              one ->
                  new Mark(String.join(", ", one.getValue()), one.getKey(), anchor(one.getKey())))
          .toList();
    }

    private static String anchor(String x) {
      double share = Double.parseDouble(x) / WIDTH;
      return share < .2 ? "start" : share > .8 ? "end" : "middle";
    }

    private static List<Time> times(double first, double last) {
      double length = last - first;
      if (length < 1) {
        return List.of(new Time(moment(first, length) + " UTC", text(WIDTH / 2.0), "middle"));
      }
      return List.of(
          new Time(moment(first, length), "0", "start"),
          new Time(moment((first + last) / 2, length), text(WIDTH / 2.0), "middle"),
          new Time(moment(last, length) + " UTC", text(WIDTH), "end"));
    }

    private static String moment(double millis, double length) {
      return DateTimeFormatter.ofPattern(
              length < 600_000 ? "HH:mm:ss" : length < 172_800_000 ? "d MMM HH:mm" : "d MMM",
              Locale.ROOT)
          .format(Instant.ofEpochMilli((long) millis).atOffset(ZoneOffset.UTC));
    }

    private DoubleStream xs() {
      return series.stream().flatMap(one -> one.points().stream()).mapToDouble(point -> point[0]);
    }

    private DoubleStream ys() {
      return DoubleStream.concat(
          series.stream().flatMap(one -> one.points().stream()).mapToDouble(point -> point[1]),
          DoubleStream.concat(
              levels.stream().mapToDouble(Horizontal::y),
              bands.stream()
                  .flatMap(List::stream)
                  .flatMapToDouble(point -> DoubleStream.of(point[1], point[2]))));
    }

    // The extremes of each group of points stay, since they are what one looks for.
    private static List<double[]> thinned(List<double[]> points) {
      if (points.size() <= POINTS_MAX) {
        return points;
      }
      int group = 2 * points.size() / POINTS_MAX + 1;
      List<double[]> kept = new ArrayList<>();
      for (int from = 0; from < points.size(); from += group) {
        List<double[]> some = points.subList(from, Math.min(points.size(), from + group));
        double[] low = some.getFirst();
        double[] high = some.getFirst();
        for (double[] point : some) {
          low = point[1] < low[1] ? point : low;
          high = point[1] > high[1] ? point : high;
        }
        kept.add(low[0] <= high[0] ? low : high);
        if (low[0] != high[0]) {
          kept.add(low[0] <= high[0] ? high : low);
        }
      }
      return kept;
    }

    private static String points(Scale scale, List<double[]> points) {
      return joined(places(scale, points, 1));
    }

    private static String area(Scale scale, List<double[]> points) {
      List<double[]> edge = new ArrayList<>(places(scale, points, 1));
      edge.addAll(places(scale, points, 2).reversed());
      return joined(edge);
    }

    // Where points of x and value lie in the box.
    private static List<double[]> places(Scale scale, List<double[]> points, int value) {
      if (points.size() == 1) {
        double[] alone = points.getFirst();
        double x = scale.x(alone[0]);
        double y = scale.y(alone[value]);
        return List.of(
            new double[] {Math.max(0, x - DASH), y}, new double[] {Math.min(WIDTH, x + DASH), y});
      }
      return points.stream()
          .map(point -> new double[] {scale.x(point[0]), scale.y(point[value])})
          .toList();
    }

    private static String joined(List<double[]> places) {
      return places.stream()
          .map(place -> text(place[0]) + ',' + text(place[1]))
          .collect(Collectors.joining(" "));
    }
  }

  private record Scale(double x0, double x1, double y0, double y1) {
    double x(double value) {
      return x1 > x0 ? WIDTH * (value - x0) / (x1 - x0) : WIDTH / 2.0;
    }

    double y(double value) {
      return HEIGHT * (1 - (value - y0) / (y1 - y0));
    }
  }

  /** Whether there is anything to see. */
  public boolean isEmpty() {
    return lines.isEmpty();
  }

  private static String text(double place) {
    return String.format(Locale.ROOT, "%.1f", place);
  }

  // All of one scale with as many decimals.
  private static String number(double value, double size) {
    return String.format(Locale.ROOT, size >= 100 ? "%.0f" : size >= 1 ? "%.2f" : "%.3f", value);
  }
}
