package io.skerry.control.link;

import com.hivemq.extension.sdk.api.auth.PublishAuthorizer;
import com.hivemq.extension.sdk.api.auth.SubscriptionAuthorizer;
import com.hivemq.extension.sdk.api.auth.parameter.PublishAuthorizerInput;
import com.hivemq.extension.sdk.api.auth.parameter.PublishAuthorizerOutput;
import com.hivemq.extension.sdk.api.auth.parameter.SubscriptionAuthorizerInput;
import com.hivemq.extension.sdk.api.auth.parameter.SubscriptionAuthorizerOutput;
import com.hivemq.extension.sdk.api.packets.connect.WillPublishPacket;
import com.hivemq.extension.sdk.api.packets.publish.AckReasonCode;
import com.hivemq.extension.sdk.api.packets.publish.PublishPacket;
import com.hivemq.extension.sdk.api.packets.subscribe.SubackReasonCode;
import java.nio.ByteBuffer;
import java.util.Optional;

/** Asks a device's rules for everything that it publishes, leaves as its Will, or subscribes to. */
final class DevicePermissions implements PublishAuthorizer, SubscriptionAuthorizer {
  private final DeviceRules rules;
  private final ClientNews news;

  DevicePermissions(DeviceRules rules, ClientNews news) {
    this.rules = rules;
    this.news = news;
  }

  @Override
  public void authorizePublish(PublishAuthorizerInput input, PublishAuthorizerOutput output) {
    PublishPacket packet = input.getPublishPacket();
    refusal(packet)
        .ifPresentOrElse(
            reason -> {
              news.tell(input.getClientInformation().getClientId(), reason, "message refused");
              output.failAuthorization(AckReasonCode.NOT_AUTHORIZED, reason);
            },
            output::authorizeSuccessfully);
  }

  private Optional<String> refusal(PublishPacket packet) {
    DeviceRules.Message message =
        new DeviceRules.Message(
            packet.getTopic(),
            packet.getRetain(),
            packet.getQos().getQosNumber(),
            packet.getPayload().map(ByteBuffer::remaining).orElse(0),
            packet.getUserProperties().asList().size());
    return packet instanceof WillPublishPacket will
        ? rules.refusesWill(message, will.getWillDelay())
        : rules.refusesPublish(message);
  }

  @Override
  public void authorizeSubscribe(
      SubscriptionAuthorizerInput input, SubscriptionAuthorizerOutput output) {
    rules
        .refusesSubscribe(input.getSubscription().getTopicFilter())
        .ifPresentOrElse(
            reason -> output.failAuthorization(SubackReasonCode.NOT_AUTHORIZED, reason),
            output::authorizeSuccessfully);
  }
}
