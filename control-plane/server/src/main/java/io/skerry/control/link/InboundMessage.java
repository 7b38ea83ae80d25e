package io.skerry.control.link;

import com.google.protobuf.ByteString;
import io.skerry.protocol.Topics;
import java.util.function.BooleanSupplier;

/**
 * A message from a device.
 *
 * @param isVoid whether the connection that brought it has ended: the broker gives it again, to
 *     this server or another one
 * @param acknowledge to be run once the message is safe; the broker sends only so many without
 */
public record InboundMessage(
    Topics.DeviceTopic topic, ByteString payload, BooleanSupplier isVoid, Runnable acknowledge) {}
