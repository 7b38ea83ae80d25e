package io.skerry.control.link;

import com.google.protobuf.ByteString;
import io.skerry.protocol.Topics;

/**
 * A message from a device.
 *
 * @param acknowledge to be run once the message is safe; the broker sends only so many without
 */
public record InboundMessage(Topics.DeviceTopic topic, ByteString payload, Runnable acknowledge) {}
