package io.skerry.control.link;

import com.hivemq.extension.sdk.api.client.parameter.ClientTlsInformation;
import com.hivemq.extension.sdk.api.interceptor.publish.PublishInboundInterceptor;
import com.hivemq.extension.sdk.api.interceptor.publish.parameter.PublishInboundInput;
import com.hivemq.extension.sdk.api.interceptor.publish.parameter.PublishInboundOutput;
import com.hivemq.extension.sdk.api.packets.disconnect.DisconnectReasonCode;
import com.hivemq.extension.sdk.api.packets.publish.AckReasonCode;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.function.BiConsumer;

/**
 * Refuses what is over a device's limits without ending its connection, ends it when the device
 * does not mind, and ends it when its certificate has run out meanwhile.
 */
final class DeviceThrottle implements PublishInboundInterceptor {
  private final String client;
  private final DeviceTraffic traffic;
  private final BiConsumer<DisconnectReasonCode, String> cut;

  DeviceThrottle(
      String client, DeviceTraffic traffic, BiConsumer<DisconnectReasonCode, String> cut) {
    this.client = client;
    this.traffic = traffic;
    this.cut = cut;
  }

  @Override
  public void onInboundPublish(PublishInboundInput input, PublishInboundOutput output) {
    if (hasRunOut(input)) {
      output.preventPublishDelivery(AckReasonCode.NOT_AUTHORIZED, "the certificate has run out");
      cut.accept(DisconnectReasonCode.NOT_AUTHORIZED, "the certificate has run out");
      return;
    }
    int bytes = input.getPublishPacket().getPayload().map(ByteBuffer::remaining).orElse(0);
    switch (traffic.publish(client, bytes)) {
      case ALLOWED -> {}
      case TOO_MUCH ->
          output.preventPublishDelivery(
              AckReasonCode.QUOTA_EXCEEDED, "over this device's limits: send it again later");
      case FLOOD -> {
        output.preventPublishDelivery(AckReasonCode.QUOTA_EXCEEDED, "over this device's limits");
        cut.accept(DisconnectReasonCode.MESSAGE_RATE_TOO_HIGH, "kept sending over its limits");
      }
    }
  }

  private static boolean hasRunOut(PublishInboundInput input) {
    return input
        .getConnectionInformation()
        .getClientTlsInformation()
        .flatMap(ClientTlsInformation::getClientCertificate)
        .map(certificate -> certificate.getNotAfter().toInstant().isBefore(Instant.now()))
        .orElse(false);
  }
}
