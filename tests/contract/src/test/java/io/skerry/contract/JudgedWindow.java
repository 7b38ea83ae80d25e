package io.skerry.contract;

import io.skerry.protocol.DeviceId;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.LateWindow;
import java.util.Comparator;
import java.util.List;

/**
 * What a window was judged from.
 *
 * @param devices in the order of their ids
 * @param late windows of devices that came after theirs had been judged, by window and id
 */
public record JudgedWindow(long window, List<Counted> devices, List<Counted> late) {
  private static final Comparator<Counted> ORDER =
      Comparator.comparingLong(Counted::window).thenComparing(one -> one.device().value());

  public JudgedWindow {
    devices = devices.stream().sorted(ORDER).toList();
    late = late.stream().sorted(ORDER).toList();
  }

  /**
   * What one device counted of a window.
   *
   * @param profile that it is taken for
   * @param counted predictions, of the stream that has most
   */
  public record Counted(long window, DeviceId device, String profile, long version, long counted) {
    static Counted of(long window, DeviceWindow one) {
      long most = 0;
      for (int stream = 0; stream < one.counts().layout().size(); stream++) {
        most = Math.max(most, one.counts().total(stream));
      }
      return new Counted(
          window,
          one.device(),
          one.attributes().getOrDefault("profile", ""),
          one.version().version(),
          most);
    }
  }

  /** Of what the ledger was given. */
  public static JudgedWindow of(long window, List<DeviceWindow> devices, List<LateWindow> late) {
    return new JudgedWindow(
        window,
        devices.stream().map(one -> Counted.of(window, one)).toList(),
        late.stream().map(one -> Counted.of(one.window(), one.counts())).toList());
  }
}
