package io.skerry.api;

import io.skerry.protocol.DeviceFacts;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Enrols a device.
 *
 * @param token the secret part of an enrolment token
 * @param device the name it shall have
 * @param labels of its own; the token's win
 * @param facts what it found out about its hardware
 */
public record EnrolmentRequest(
    String token,
    String device,
    @Nullable Map<String, String> labels,
    @Nullable DeviceFacts facts) {}
