package io.skerry.telemetry.sketch;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.ArrayList;
import java.util.List;

/**
 * Names of a plan's streams and where the bins of each lie in one flat row of counts. Immutable.
 *
 * <p>A stream's ordinary bins come first, then its bins of its own, where it has any.
 */
public final class StreamLayout {
  private final List<String> names;
  private final int[] starts;
  private final int[] ordinary;
  private final int features;
  private final int firstFormat;

  private StreamLayout(
      List<String> names,
      List<Integer> ordinary,
      List<Integer> own,
      int features,
      int firstFormat) {
    this.names = List.copyOf(names);
    this.features = features;
    this.firstFormat = firstFormat;
    this.starts = new int[names.size() + 1];
    this.ordinary = new int[names.size()];
    for (int i = 0; i < this.ordinary.length; i++) {
      this.ordinary[i] = ordinary.get(i);
      starts[i + 1] = starts[i] + ordinary.get(i) + own.get(i);
    }
  }

  /** Gathers streams in their order. */
  static final class Builder {
    private final List<String> names = new ArrayList<>();
    private final List<Integer> ordinary = new ArrayList<>();
    private final List<Integer> own = new ArrayList<>();
    private int features;
    private int firstFormat;

    Builder feature(String name, int ordinaryBins) {
      features++;
      return add(name, ordinaryBins, ReferenceBins.OWN_BINS);
    }

    Builder add(String name, int ordinaryBins, int ownBins) {
      addLater(name, ordinaryBins, ownBins);
      firstFormat = names.size();
      return this;
    }

    /** A stream that the first format of packed counts does not have; the last ones only. */
    Builder addLater(String name, int ordinaryBins, int ownBins) {
      names.add(name);
      ordinary.add(ordinaryBins);
      own.add(ownBins);
      return this;
    }

    StreamLayout build() {
      return new StreamLayout(names, ordinary, own, features, firstFormat);
    }
  }

  /**
   * The layout of a monitoring manifest.
   *
   * @throws MalformedDocumentException if the manifest contradicts itself
   */
  public static StreamLayout of(MonitoringManifest manifest) throws MalformedDocumentException {
    return MonitoringPlan.of(manifest).layout();
  }

  /** Names of the streams, in their order. */
  public List<String> names() {
    return names;
  }

  /** Streams. */
  public int size() {
    return ordinary.length;
  }

  /** How many of the streams, from the first, are features of the input. */
  public int features() {
    return features;
  }

  /** How many of the streams, from the first, packed counts of the first format have. */
  int firstFormat() {
    return firstFormat;
  }

  /** The index of a stream, -1 when there is none of this name. */
  public int indexOf(String name) {
    return names.indexOf(name);
  }

  /** Where a stream's first bin lies. */
  public int start(int stream) {
    return starts[stream];
  }

  /** Ordinary bins of a stream. */
  public int ordinary(int stream) {
    return ordinary[stream];
  }

  /** Bins of its own of a stream. */
  public int own(int stream) {
    return bins(stream) - ordinary[stream];
  }

  /** All bins of a stream. */
  public int bins(int stream) {
    return starts[stream + 1] - starts[stream];
  }

  /** All bins of all streams. */
  public int bins() {
    return starts[ordinary.length];
  }
}
