package io.skerry.protocol;

import java.util.OptionalLong;

/**
 * Records that the control plane has stored: the device may free them.
 *
 * @param through every sequence of this stream and boot epoch up to this one is stored, or given up
 * @param givenUp how many of all sequences the device said it dropped, and the control plane never
 *     got; empty when it does not say
 * @param ended whether the device said that it has nothing of this boot epoch any more; then what
 *     it dropped beyond {@code through} never came either
 */
public record CommittedRange(
    RecordStream stream, long bootEpoch, long through, OptionalLong givenUp, boolean ended) {
  /** Without a word about what was given up. */
  public CommittedRange(RecordStream stream, long bootEpoch, long through) {
    this(stream, bootEpoch, through, OptionalLong.empty(), false);
  }
}
