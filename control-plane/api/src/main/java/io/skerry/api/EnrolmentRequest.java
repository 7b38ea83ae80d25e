package io.skerry.api;

import io.skerry.protocol.DeviceFacts;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Enrols a device.
 *
 * @param token the secret part of an enrolment token; absent when the device's key is
 *     pre-authorised
 * @param device the name it shall have
 * @param labels of its own; the pre-authorisation's and the token's win
 * @param facts what it found out about its hardware
 * @param csr PEM of a PKCS#10 request, signed by the device's key; its subject counts for nothing
 */
public record EnrolmentRequest(
    @Nullable String token,
    String device,
    @Nullable Map<String, String> labels,
    @Nullable DeviceFacts facts,
    @Nullable String csr) {}
