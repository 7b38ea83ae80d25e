package io.skerry.control.device;

import io.skerry.protocol.ReportedDocument;
import java.util.List;

/** Devices reported something newer than before; published after it was stored. */
public record DeviceReported(List<ReportedDocument> documents) {
  public DeviceReported {
    documents = List.copyOf(documents);
  }
}
