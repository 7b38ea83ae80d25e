package io.skerry.control.ingest;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.wire.fleet.v1.Anomaly;
import io.skerry.wire.fleet.v1.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The anomalous predictions that windows name. */
final class AnomalyLogs {
  private AnomalyLogs() {}

  /**
   * Takes predictions out of the windows of their devices; what windows count stays.
   *
   * @param predictions each as {@code device/prediction}
   */
  static void erase(Transaction transaction, Set<String> predictions) {
    Set<String> devices =
        predictions.stream()
            .map(one -> one.substring(0, one.indexOf('/')))
            .collect(Collectors.toSet());
    List<@Nullable Object[]> left = new ArrayList<>();
    transaction.forEach(
        """
        select device, boot_epoch, sequence, record from telemetry_window
        where device = any(?) and anomalous > 0
        """,
        row -> add(left, row, predictions),
        devices);
    transaction.batch(
        """
        update telemetry_window set record = ?
        where device = ? and boot_epoch = ? and sequence = ?
        """,
        left);
  }

  private static void add(List<@Nullable Object[]> left, Row row, Set<String> predictions) {
    String device = row.text("device");
    Window window;
    try {
      window = Window.parseFrom(row.bytes("record"));
    } catch (InvalidProtocolBufferException e) {
      // Nobody reads its predictions either: judging sets it aside and says so.
      return;
    }
    List<Anomaly> others =
        window.getAnomaliesList().stream()
            .filter(one -> !predictions.contains(device + "/" + one.getPredictionId()))
            .toList();
    if (others.size() < window.getAnomaliesCount()) {
      left.add(
          new @Nullable Object[] {
            window.toBuilder().clearAnomalies().addAllAnomalies(others).build().toByteArray(),
            device,
            row.bigint("boot_epoch"),
            row.bigint("sequence")
          });
    }
  }
}
