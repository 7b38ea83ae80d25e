package io.skerry.control.device;

import io.skerry.control.sql.Row;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;

/** A slot's mode in the columns {@code mode, beside, share}. */
final class ModeColumns {
  private ModeColumns() {}

  static String name(SlotMode mode) {
    return switch (mode) {
      case SlotMode.Active _ -> "ACTIVE";
      case SlotMode.Ab _ -> "AB";
      case SlotMode.Shadow _ -> "SHADOW";
      case SlotMode.Off _ -> "OFF";
    };
  }

  static SlotMode read(Row row) {
    String name = row.text("mode");
    return switch (name) {
      case "ACTIVE" -> new SlotMode.Active();
      case "OFF" -> new SlotMode.Off();
      case "AB" -> new SlotMode.Ab(trial(row));
      case "SHADOW" -> new SlotMode.Shadow(trial(row));
      default -> throw new IllegalStateException("slot of unknown mode " + name);
    };
  }

  private static SlotMode.Trial trial(Row row) {
    return new SlotMode.Trial(new SlotId(row.text("beside")), row.number("share"));
  }
}
