package io.skerry.control.link;

/** The embedded broker's configuration. */
final class BrokerXml {
  // Paho reads the receive maximum as a signed short, so it must stay below 32,768.
  private static final String TEMPLATE =
      """
      <?xml version="1.0"?>
      <hivemq>
        <listeners>
          <tls-tcp-listener>
            <port>%d</port>
            <bind-address>%s</bind-address>
            <tls>
              <keystore>
                <path>%s</path>
                <password>%s</password>
                <private-key-password>%s</private-key-password>
              </keystore>
              <truststore>
                <path>%s</path>
                <password>%s</password>
              </truststore>
              <protocols>
                <protocol>TLSv1.3</protocol>
                <protocol>TLSv1.2</protocol>
              </protocols>
              <client-authentication-mode>REQUIRED</client-authentication-mode>
            </tls>
          </tls-tcp-listener>
        </listeners>
        <mqtt>
          <queued-messages>
            <max-queue-size>100000</max-queue-size>
            <strategy>discard-oldest</strategy>
          </queued-messages>
          <quality-of-service>
            <max-qos>1</max-qos>
          </quality-of-service>
          <session-expiry>
            <max-interval>3600</max-interval>
          </session-expiry>
          <keep-alive>
            <max-keep-alive>1800</max-keep-alive>
            <allow-unlimited>false</allow-unlimited>
          </keep-alive>
          <packets>
            <max-packet-size>300000</max-packet-size>
          </packets>
          <receive-maximum>
            <server-receive-maximum>1000</server-receive-maximum>
          </receive-maximum>
        </mqtt>
        <restrictions>
          <max-connections>%d</max-connections>
          <max-client-id-length>256</max-client-id-length>
          <max-topic-length>256</max-topic-length>
          <no-connect-idle-timeout>10000</no-connect-idle-timeout>
        </restrictions>
        <security>
          <utf8-validation>
            <enabled>true</enabled>
          </utf8-validation>
          <allow-empty-client-id>
            <enabled>false</enabled>
          </allow-empty-client-id>
        </security>
        <anonymous-usage-statistics>
          <enabled>false</enabled>
        </anonymous-usage-statistics>
        <persistence>
          <mode>in-memory</mode>
        </persistence>
      </hivemq>
      """;

  private BrokerXml() {}

  static String of(String host, int port, Broker.Stores stores, int connectionsMax) {
    String password = escaped(stores.password());
    return TEMPLATE.formatted(
        port,
        escaped(host),
        escaped(stores.keyStore().toString()),
        password,
        password,
        escaped(stores.trustStore().toString()),
        password,
        connectionsMax);
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
