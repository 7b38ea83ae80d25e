package io.skerry.agent.serve;

import io.grpc.Attributes;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerTransportFilter;
import io.grpc.Status;
import java.security.cert.X509Certificate;
import java.util.Optional;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/**
 * Who calls is the common name of the certificate that the client showed: read once a connection,
 * told to every call of it.
 */
final class CertifiedCaller extends ServerTransportFilter implements ServerInterceptor {
  private static final Attributes.Key<Application> APPLICATION =
      Attributes.Key.create("skerry-application");
  private static final Context.Key<Application> CALLER = Context.key("skerry-application");

  private final Applications applications;

  CertifiedCaller(Applications applications) {
    this.applications = applications;
  }

  /** Who makes the current call. */
  Application current() {
    Application caller = CALLER.get();
    if (caller == null) {
      throw new IllegalStateException("no certificate was read for this call");
    }
    return caller;
  }

  @Override
  public Attributes transportReady(Attributes transport) {
    return commonName(transport.get(Grpc.TRANSPORT_ATTR_SSL_SESSION))
        .filter(Application::isCertificateName)
        .map(name -> transport.toBuilder().set(APPLICATION, applications.certified(name)).build())
        .orElse(transport);
  }

  @Override
  public <A, B> ServerCall.Listener<A> interceptCall(
      ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
    Application application = call.getAttributes().get(APPLICATION);
    if (application == null) {
      call.close(
          Status.UNAUTHENTICATED.withDescription(
              "the client's certificate names no application: its subject needs a common name (CN) of 1 to 63 of A-Z, a-z, 0-9, '.', '_', '-', a letter or digit first"),
          new Metadata());
      return new ServerCall.Listener<>() {};
    }
    return Contexts.interceptCall(
        Context.current().withValue(CALLER, application), call, headers, next);
  }

  private static Optional<String> commonName(@Nullable SSLSession session) {
    if (session == null) {
      return Optional.empty();
    }
    try {
      X509Certificate certificate = (X509Certificate) session.getPeerCertificates()[0];
      // The most specific part of a name comes last here.
      return new LdapName(certificate.getSubjectX500Principal().getName())
          .getRdns().reversed().stream()
              .filter(part -> part.getType().equalsIgnoreCase("CN"))
              .map(Rdn::getValue)
              .map(String::valueOf)
              .findFirst();
    } catch (SSLPeerUnverifiedException | InvalidNameException e) {
      return Optional.empty();
    }
  }
}
