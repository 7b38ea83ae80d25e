package io.skerry.control.ingest;

import java.util.List;

/** Windows were stored; published after the commit, in the order of arrival. */
public record WindowsStored(List<StoredWindow> windows) {
  public WindowsStored {
    windows = List.copyOf(windows);
  }
}
