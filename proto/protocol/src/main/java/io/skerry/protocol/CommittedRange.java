package io.skerry.protocol;

/**
 * Records that the control plane has stored: the device may free them.
 *
 * @param through every sequence of this stream and boot epoch up to this one is stored
 */
public record CommittedRange(RecordStream stream, long bootEpoch, long through) {}
