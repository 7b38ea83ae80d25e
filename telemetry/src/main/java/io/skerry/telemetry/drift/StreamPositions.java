package io.skerry.telemetry.drift;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Places the bins of a version's streams on the scale of the first version's training data. */
final class StreamPositions {
  private final List<String> inputs;
  private final List<String> outputs;
  private final MonitoredStreams scale;
  private final List<double[]> inputPositions = new ArrayList<>();
  private final List<double[]> inputValues = new ArrayList<>();
  private final Map<String, double[]> outputPositions = new HashMap<>();

  private StreamPositions(
      List<String> inputs, List<String> outputs, MonitoredStreams scale, MonitoredStreams own) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.scale = scale;
    for (String name : inputs) {
      MonitoredStreams.Input reference = scale.inputs().get(name);
      MonitoredStreams.Input mine = own.inputs().get(name);
      if (reference == null || mine == null) {
        inputPositions.add(new double[0]);
        inputValues.add(new double[0]);
      } else {
        inputPositions.add(reference.bins().positions(mine.bins()));
        inputValues.add(mine.bins().values());
      }
    }
    own.outputs().forEach((name, bins) -> outputPositions.put(name, bins.positions(bins)));
  }

  static StreamPositions first(MonitoredStreams streams) {
    return new StreamPositions(
        List.copyOf(streams.inputs().keySet()),
        List.copyOf(streams.outputs().keySet()),
        streams,
        streams);
  }

  StreamPositions onThisScale(MonitoredStreams own) {
    return new StreamPositions(inputs, outputs, scale, own);
  }

  List<String> inputs() {
    return inputs;
  }

  List<String> outputs() {
    return outputs;
  }

  double[] inputPositions(int feature) {
    return inputPositions.get(feature);
  }

  double[] inputValues(int feature) {
    return inputValues.get(feature);
  }

  double standardDeviation(int feature) {
    MonitoredStreams.Input input = scale.inputs().get(inputs.get(feature));
    return input == null ? 0 : input.standardDeviation();
  }

  double @Nullable [] inputMeans(Map<String, List<Long>> counts, long predictionsMin) {
    double[] means = new double[inputs.size()];
    for (int f = 0; f < means.length; f++) {
      means[f] = mean(counts.get(inputs.get(f)), inputPositions.get(f), predictionsMin);
      if (Double.isNaN(means[f])) {
        return null;
      }
    }
    return means;
  }

  double @Nullable [] outputMeans(Map<String, List<Long>> counts, long predictionsMin) {
    double[] means = new double[outputs.size()];
    for (int i = 0; i < means.length; i++) {
      double[] positions = outputPositions.get(outputs.get(i));
      means[i] =
          positions == null
              ? Double.NaN
              : mean(counts.get(outputs.get(i)), positions, predictionsMin);
      if (Double.isNaN(means[i])) {
        return null;
      }
    }
    return means;
  }

  private static double mean(@Nullable List<Long> counts, double[] positions, long predictionsMin) {
    if (counts == null || counts.size() != positions.length) {
      return Double.NaN;
    }
    long total = 0;
    double sum = 0;
    for (int bin = 0; bin < positions.length; bin++) {
      if (!Double.isNaN(positions[bin])) {
        total += counts.get(bin);
        sum += counts.get(bin) * positions[bin];
      }
    }
    return total < predictionsMin ? Double.NaN : sum / total;
  }
}
