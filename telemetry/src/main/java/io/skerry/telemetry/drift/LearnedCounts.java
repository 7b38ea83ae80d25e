package io.skerry.telemetry.drift;

import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.StreamLayout;
import io.skerry.telemetry.sketch.WindowCounts;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What the devices of a cohort counted while they learned, per version. */
final class LearnedCounts {
  /** Versions of which outputs alone were learned; older ones are forgotten. */
  static final int OUTPUTS_MAX = 8;

  private static final Comparator<ModelVersion> ORDER =
      Comparator.comparingLong(ModelVersion::version);

  // In one order: sums of products are told to the last bit.
  private final TreeMap<ModelVersion, Row> counts = new TreeMap<>(ORDER);
  // A device keeps what it learned of inputs when its version changes, and learns outputs anew.
  private final TreeMap<ModelVersion, Row> outputs = new TreeMap<>(ORDER);
  private final int begunAfter;
  private long windows;

  /**
   * Nothing yet.
   *
   * @param begunAfter how often the whole fleet had learned anew by now
   */
  LearnedCounts(int begunAfter) {
    this.begunAfter = begunAfter;
  }

  /** Counts of the last streams of a layout, from one on, and how coarse they are. */
  private static final class Row {
    private final int first;
    private final long[] counts;
    // Neighbouring bins that any device added up, by stream.
    private final int[] folds;
    // Windows that told of a stream; of this window only, and so not written.
    private final int[] telling;

    Row(StreamLayout layout, int first) {
      this.first = first;
      this.counts = new long[layout.bins() - layout.start(first)];
      this.folds = new int[layout.size() - first];
      this.telling = new int[folds.length];
      Arrays.fill(folds, 1);
    }

    void add(WindowCounts window, int until, double share) {
      StreamLayout layout = window.layout();
      int from = layout.start(first);
      boolean whole = share >= 1 && window.isWhole();
      if (whole) {
        window.addTo(counts, from, layout.start(until) - from);
      }
      for (int stream = first; stream < until; stream++) {
        if (window.has(stream)) {
          int place = stream - first;
          telling[place]++;
          folds[place] = Math.max(folds[place], window.fold(stream));
          if (!whole) {
            add(window, stream, layout.start(stream) - from, share);
          }
        }
      }
    }

    private void add(WindowCounts window, int stream, int start, double share) {
      long[] row = window.counts(stream).stream().mapToLong(Long::longValue).toArray();
      long[] scaled = share < 1 ? DeviceShare.scaled(row, share) : row;
      for (int bin = 0; bin < scaled.length; bin++) {
        counts[start + bin] += scaled[bin];
      }
    }

    void scale(StreamLayout layout, double kept) {
      int from = layout.start(first);
      for (int stream = first; stream < layout.size(); stream++) {
        int start = layout.start(stream) - from;
        int end = start + layout.bins(stream);
        long[] scaled = DeviceShare.scaled(Arrays.copyOfRange(counts, start, end), kept);
        System.arraycopy(scaled, 0, counts, start, scaled.length);
      }
    }

    void addTo(long[] sum, StreamLayout layout, int stream) {
      int start = layout.start(stream) - layout.start(first);
      for (int bin = 0; bin < sum.length; bin++) {
        sum[bin] += counts[start + bin];
      }
    }

    void write(StateWriter to) {
      to.putLongs(counts);
      for (int fold : folds) {
        to.putInt(fold);
      }
    }

    void read(StateReader from, boolean folded) {
      from.getLongs(counts);
      for (int i = 0; folded && i < folds.length; i++) {
        folds[i] = from.getInt();
      }
    }
  }

  /**
   * What was learned by a cohort; null when nothing was, and of one of two terms: what is kept of
   * either is of other devices too, which may always have been different.
   */
  static @Nullable LearnedCounts of(Cohort cohort, Map<Cohort, LearnedCounts> learned) {
    return cohort.terms().size() > 1 ? null : learned.get(cohort);
  }

  /**
   * Adds a device's window.
   *
   * @param share of its counts that counts, above 0 to 1
   */
  void add(ModelVersion version, WindowCounts window, double share) {
    add(version, window, window.layout().size(), share);
  }

  /** Adds the inputs of a device's window. */
  void addInputs(ModelVersion version, WindowCounts window, double share) {
    add(version, window, window.layout().features(), share);
  }

  private void add(ModelVersion version, WindowCounts window, int until, double share) {
    windows++;
    counts.computeIfAbsent(version, key -> new Row(window.layout(), 0)).add(window, until, share);
  }

  /** Adds the outputs of a window of a device that has learned its inputs before. */
  void addOutputs(ModelVersion version, WindowCounts window, double share) {
    outputs
        .computeIfAbsent(version, key -> new Row(window.layout(), window.layout().features()))
        .add(window, window.layout().size(), share);
    if (outputs.size() > OUTPUTS_MAX) {
      outputs.pollFirstEntry();
    }
  }

  void write(StateWriter to) {
    to.putInt(begunAfter);
    to.putLong(windows);
    to.putInt(counts.size());
    counts.forEach(
        (version, row) -> {
          to.putText(version.toString());
          row.write(to);
        });
    to.putInt(outputs.size());
    outputs.forEach(
        (version, row) -> {
          to.putText(version.toString());
          row.write(to);
        });
  }

  /**
   * Reads the counts of versions that are known.
   *
   * @param format 1 where nothing is told of outputs and of bins that were added up
   */
  static LearnedCounts read(
      StateReader from, Map<ModelVersion, Statistics.Reader> versions, int format) {
    LearnedCounts read =
        new LearnedCounts(format > DriftLedger.STATE_FORMAT_ONCE ? from.getInt() : 0);
    read.windows = from.getLong();
    for (int left = from.getCount(versions.size()); left > 0; left--) {
      ModelVersion version = ModelVersion.parse(from.getText());
      Row row = new Row(layout(version, versions), 0);
      row.read(from, format > 1);
      read.counts.put(version, row);
    }
    for (int left = format > 1 ? from.getCount(OUTPUTS_MAX) : 0; left > 0; left--) {
      ModelVersion version = ModelVersion.parse(from.getText());
      StreamLayout layout = layout(version, versions);
      Row row = new Row(layout, layout.features());
      row.read(from, true);
      read.outputs.put(version, row);
    }
    return read;
  }

  private static StreamLayout layout(
      ModelVersion version, Map<ModelVersion, Statistics.Reader> versions) {
    Statistics.Reader reader = versions.get(version);
    if (reader == null) {
      throw new IllegalArgumentException("%s was counted and is not known".formatted(version));
    }
    return reader.streams().layout();
  }

  /**
   * Keeps a part of what was learned: devices that learn anew take theirs with them, each as much
   * as any other that learned under the same version.
   *
   * @param keptOf 0 to 1 by version; the others are kept whole
   * @param keptOutputs the same of outputs that were learned alone
   * @param keptAll of all device-windows
   * @return whether anything of inputs is left
   */
  boolean keep(
      Map<ModelVersion, Double> keptOf,
      Map<ModelVersion, Double> keptOutputs,
      double keptAll,
      Map<ModelVersion, Statistics.Reader> versions) {
    keep(counts, keptOf, versions);
    keep(outputs, keptOutputs, versions);
    windows = Math.round(windows * keptAll);
    return !counts.isEmpty();
  }

  private static void keep(
      Map<ModelVersion, Row> rows,
      Map<ModelVersion, Double> keptOf,
      Map<ModelVersion, Statistics.Reader> versions) {
    keptOf.forEach(
        (version, kept) -> {
          Row row = rows.get(version);
          if (row != null && kept <= 0) {
            rows.remove(version);
          } else if (row != null && kept < 1) {
            row.scale(layout(version, versions), kept);
          }
        });
  }

  /** Forgets the counts of versions that nobody learned under any more. */
  void retain(Set<ModelVersion> learnedUnder) {
    counts.keySet().retainAll(learnedUnder);
  }

  /** Whether nothing is left of what was learned. */
  boolean isEmpty() {
    return counts.isEmpty() && outputs.isEmpty();
  }

  /** How often the whole fleet had learned anew when these were begun. */
  int begunAfter() {
    return begunAfter;
  }

  /** Device-windows that were added. */
  long windows() {
    return windows;
  }

  /** The most neighbouring bins of an input that any device added up: 1, 2 or 4. */
  int fold(int input, Map<ModelVersion, Statistics.Reader> versions) {
    int most = 1;
    for (Map.Entry<ModelVersion, Row> entry : counts.entrySet()) {
      Statistics.Reader reader = versions.get(entry.getKey());
      int stream = reader == null ? -1 : reader.stream(input);
      most = stream < 0 ? most : Math.max(most, entry.getValue().folds[stream]);
    }
    return most;
  }

  /**
   * Adds the counts of an input on the common scale.
   *
   * @param fold neighbouring bins that are taken as one, at least as many as were added up
   */
  void addTo(
      CommonCounts common, int input, Map<ModelVersion, Statistics.Reader> versions, int fold) {
    counts.forEach(
        (version, row) -> {
          Statistics.Reader reader = versions.get(version);
          int stream = reader == null ? -1 : reader.stream(input);
          if (reader != null && stream >= 0) {
            long[] of = new long[reader.streams().layout().bins(stream)];
            row.addTo(of, reader.streams().layout(), stream);
            for (int bin = 0; bin < of.length; bin++) {
              common.add(reader, input, bin, of[bin], fold);
            }
          }
        });
  }

  /** Windows that told of an input. */
  int telling(int input, Map<ModelVersion, Statistics.Reader> versions) {
    int telling = 0;
    for (Map.Entry<ModelVersion, Row> entry : counts.entrySet()) {
      Statistics.Reader reader = versions.get(entry.getKey());
      int stream = reader == null ? -1 : reader.stream(input);
      telling += stream < 0 ? 0 : entry.getValue().telling[stream];
    }
    return telling;
  }

  /** Windows that told of an output of a version. */
  int outputTelling(ModelVersion version, int stream) {
    Row row = counts.get(version);
    return row == null ? 0 : row.telling[stream];
  }

  /** The most neighbouring bins of an output that any device of a version added up. */
  int outputFold(ModelVersion version, int stream) {
    int most = 1;
    for (Map<ModelVersion, Row> rows : List.of(counts, outputs)) {
      Row row = rows.get(version);
      most = row == null ? most : Math.max(most, row.folds[stream - row.first]);
    }
    return most;
  }

  /** The counts of an output of a version, in its bins. */
  long[] output(ModelVersion version, StreamLayout layout, int stream) {
    long[] sum = new long[layout.bins(stream)];
    for (Map<ModelVersion, Row> rows : List.of(counts, outputs)) {
      Row row = rows.get(version);
      if (row != null) {
        row.addTo(sum, layout, stream);
      }
    }
    return sum;
  }
}
