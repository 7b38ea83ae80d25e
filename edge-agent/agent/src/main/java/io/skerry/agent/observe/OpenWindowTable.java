package io.skerry.agent.observe;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.wire.fleet.v1.Window;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes down what stands open, and holds what an earlier run left open until it goes on or is
 * closed. Not thread-safe.
 */
final class OpenWindowTable {
  private static final Logger log = LoggerFactory.getLogger(OpenWindowTable.class);

  private final OpenWindowKeeper keeper;
  private final List<Window> left = new ArrayList<>();
  private boolean isKnown;
  // What lies in the keeper; null when that is not known.
  private byte @Nullable [] kept = new byte[0];
  // What that was made of.
  private List<Window> keptOf = List.of();
  private int keptBytes;
  private long keptAt = Long.MAX_VALUE;
  private boolean isBehind;
  private boolean isTooLarge;

  OpenWindowTable(OpenWindowKeeper keeper) {
    this.keeper = keeper;
    this.isKnown = keeper == OpenWindowKeeper.NONE;
  }

  /** Runs acts that make records together with the checkpoint behind them. */
  void together(Runnable acts) {
    keeper.together(acts);
  }

  /** Learns what an earlier run left, once that can be known. */
  void restore(long nowMillis) {
    if (isKnown || !isDue(nowMillis)) {
      return;
    }
    keptAt = nowMillis;
    try {
      Optional<OpenWindowKeeper.Left> found = keeper.left();
      isKnown = true;
      // The first checkpoint of this run goes there at once.
      keptAt = Long.MAX_VALUE;
      if (found.isPresent()) {
        kept = null;
        left.addAll(OpenWindows.left(found.get().content(), found.get().since()));
        log.atInfo().addKeyValue("windows", left.size()).log("open windows of the last run found");
      }
    } catch (IOException e) {
      log.atDebug().setCause(e).log("open windows of the last run not known yet");
    } catch (MalformedDocumentException e) {
      log.atWarn().setCause(e).log("open windows of the last run dropped");
    }
  }

  /** Takes out what an earlier run left, as far as it is taken. */
  void settle(Predicate<Window> taken) {
    if (!left.isEmpty()) {
      left.removeIf(taken);
    }
  }

  /** What a record counts now is in what is kept, too. */
  void recordMade() {
    isBehind = true;
  }

  /** Writes down what stands open behind a record; else nothing. */
  void keepBehind(long nowMillis, Supplier<List<Window>> open) {
    if (isBehind) {
      keep(nowMillis, open);
    }
  }

  /** Writes down what stands open: at once behind a record, else when it changed and is due. */
  void keep(long nowMillis, Supplier<List<Window>> open) {
    if (keeper == OpenWindowKeeper.NONE || !isKnown || !(isBehind || isDue(nowMillis))) {
      return;
    }
    keptAt = nowMillis;
    List<Window> all = new ArrayList<>(left);
    all.addAll(open.get());
    if (!isBehind && kept != null && areSame(all, keptOf)) {
      return;
    }
    OpenWindows.Encoded encoded = OpenWindows.encode(all, OpenWindows.BYTES_MAX);
    tell(encoded.leftOut());
    keptOf = all;
    if (isBehind || !Arrays.equals(encoded.bytes(), kept)) {
      kept = keeper.keep(encoded.bytes()) ? encoded.bytes() : null;
      keptBytes = encoded.bytes().length;
      isBehind = false;
    }
  }

  // A window of which nothing more was counted is the same object.
  @SuppressWarnings("ReferenceEquality")
  private static boolean areSame(List<Window> some, List<Window> others) {
    if (some.size() != others.size()) {
      return false;
    }
    for (int i = 0; i < some.size(); i++) {
      if (some.get(i) != others.get(i)) {
        return false;
      }
    }
    return true;
  }

  private boolean isDue(long nowMillis) {
    return CheckpointPace.isDue(nowMillis, keptAt, keptBytes);
  }

  private void tell(int leftOut) {
    if (leftOut > 0 && !isTooLarge) {
      log.atWarn()
          .addKeyValue("windows", leftOut)
          .addKeyValue("bytesMax", OpenWindows.BYTES_MAX)
          .log("open windows too large to be kept: a process killed now loses what they count");
    }
    isTooLarge = leftOut > 0;
  }
}
