package io.skerry.control.dataset;

import java.util.Comparator;
import java.util.List;

/** A checked dataset: its feature names and one series per device, by device name. */
record DatasetTable(List<String> features, List<DeviceSeries> series) {
  DatasetTable {
    features = List.copyOf(features);
    series = series.stream().sorted(Comparator.comparing(one -> one.device().value())).toList();
  }

  long rows() {
    return series.stream().mapToLong(DeviceSeries::rows).sum();
  }
}
