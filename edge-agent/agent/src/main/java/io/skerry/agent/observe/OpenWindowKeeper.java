package io.skerry.agent.observe;

import io.skerry.wire.fleet.v1.Record;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Where the counts of open windows lie when the process is killed or loses its power. */
public interface OpenWindowKeeper {
  /** Keeps nothing. */
  OpenWindowKeeper NONE =
      new OpenWindowKeeper() {
        @Override
        public Optional<Left> left() {
          return Optional.empty();
        }

        @Override
        public boolean keep(byte[] content) {
          return true;
        }

        @Override
        public void together(Runnable acts) {
          acts.run();
        }
      };

  /**
   * What an earlier run left.
   *
   * @param content as it was kept
   * @param since window records that were kept after it: what they count may still be in it
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Left(byte[] content, List<Record> since) {
    /** Copies the list. */
    public Left {
      since = List.copyOf(since);
    }
  }

  /**
   * What an earlier run left; asked before anything is kept.
   *
   * @throws IOException if that cannot be known now
   */
  Optional<Left> left() throws IOException;

  /**
   * Keeps content in place of what was kept before.
   *
   * @param content at most {@link OpenWindows#BYTES_MAX}
   * @return false when there is no room, or the disk cannot be written
   */
  boolean keep(byte[] content);

  /** Does several things, of whose records none is sent before all are done. */
  void together(Runnable acts);
}
