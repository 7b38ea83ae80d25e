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
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Optional;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who calls is the common name of the certificate that the client showed: read once a connection,
 * told to every call of it.
 */
final class CertifiedCaller extends ServerTransportFilter implements ServerInterceptor {
  private static final Logger log = LoggerFactory.getLogger(CertifiedCaller.class);
  private static final String NAMELESS =
      "the client's certificate names no application: its subject needs a common name (CN) of 1 to 63 of A-Z, a-z, 0-9, '.', '_', '-', a letter or digit first";

  private static final Attributes.Key<String> REFUSAL = Attributes.Key.create("skerry-refusal");
  private static final Attributes.Key<Application> APPLICATION =
      Attributes.Key.create("skerry-application");
  private static final Context.Key<Application> CALLER = Context.key("skerry-application");

  private final Applications applications;
  private final Sparingly sparingly = new Sparingly();

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

  /** Who has a connection; nobody in particular when its certificate names none. */
  Application of(Attributes connection) {
    Application application = connection.get(APPLICATION);
    return application == null ? applications.unnamed() : application;
  }

  // Throws nothing: that would end the connection, and nobody would be told why. A session that is
  // resumed checks nothing itself, so what may have changed is checked here.
  @Override
  public Attributes transportReady(Attributes transport) {
    try {
      SSLSession session = transport.get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
      if (session == null) {
        return refused(transport, NAMELESS);
      }
      X509Certificate certificate = (X509Certificate) session.getPeerCertificates()[0];
      certificate.checkValidity();
      return commonName(certificate)
          .filter(Application::isCertificateName)
          .map(name -> transport.toBuilder().set(APPLICATION, applications.certified(name)).build())
          .orElseGet(() -> refused(transport, NAMELESS));
    } catch (CertificateException e) {
      return refused(transport, "the client's certificate does not count now: " + e.getMessage());
    } catch (SSLPeerUnverifiedException | InvalidNameException e) {
      return refused(transport, NAMELESS);
    } catch (RuntimeException e) {
      if (sparingly.isDue()) {
        log.atError().setCause(e).log("client's certificate not read");
      }
      return refused(transport, "the agent cannot read the client's certificate; see its log");
    }
  }

  private static Attributes refused(Attributes transport, String why) {
    return transport.toBuilder().set(REFUSAL, why).build();
  }

  @Override
  public <A, B> ServerCall.Listener<A> interceptCall(
      ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
    Application application = call.getAttributes().get(APPLICATION);
    if (application == null) {
      call.close(
          Status.UNAUTHENTICATED.withDescription(call.getAttributes().get(REFUSAL)),
          new Metadata());
      return new ServerCall.Listener<>() {};
    }
    return Contexts.interceptCall(
        Context.current().withValue(CALLER, application), call, headers, next);
  }

  private static Optional<String> commonName(X509Certificate certificate)
      throws InvalidNameException {
    // The most specific part of a name comes last here.
    return new LdapName(certificate.getSubjectX500Principal().getName())
        .getRdns().reversed().stream()
            .filter(part -> part.getType().equalsIgnoreCase("CN"))
            .map(Rdn::getValue)
            .map(String::valueOf)
            .findFirst();
  }
}
