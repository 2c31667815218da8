/* SPDX-License-Identifier: MIT */
#include "backends/redis_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct redis_tls {
	SSL_CTX *context;
};

static int refuse(const char *what, const char *path, char why[WHY_SIZE])
{
	char reason[100] = "cannot be read";
	unsigned long code = ERR_get_error();

	if (code)
		ERR_error_string_n(code, reason, sizeof(reason));
	ERR_clear_error();
	snprintf(why, WHY_SIZE, "redis.%s: %.100s: %s", what, path, reason);
	return -EINVAL;
}

static int load_authorities(SSL_CTX *context, const char *path,
                            char why[WHY_SIZE])
{
	int done = path ? SSL_CTX_load_verify_locations(context, path, NULL)
	                : SSL_CTX_set_default_verify_paths(context);

	return done == 1
	           ? 0
	           : refuse("ssl_ca_certs", path ? path : "the system's", why);
}

/* What the server knows us by.  The key may be in the same file. */
static int load_own(SSL_CTX *context, const struct redis_settings *settings,
                    char why[WHY_SIZE])
{
	const char *certificate = settings->ssl_certfile;
	const char *key =
	    settings->ssl_keyfile ? settings->ssl_keyfile : certificate;

	if (!certificate && !key)
		return 0;
	if (!certificate) {
		snprintf(why, WHY_SIZE,
		         "redis.ssl_keyfile needs redis.ssl_certfile");
		return -EINVAL;
	}
	if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
		return refuse("ssl_certfile", certificate, why);
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		return refuse("ssl_keyfile", key, why);
	return 0;
}

static int load(SSL_CTX *context, const struct redis_settings *settings,
                char why[WHY_SIZE])
{
	int rc = load_authorities(context, settings->ssl_ca_certs, why);

	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	return rc ? rc : load_own(context, settings, why);
}

int redis_tls_new(const struct redis_settings *settings, struct redis_tls **out,
                  char why[WHY_SIZE])
{
	struct redis_tls *tls;
	int rc = -ENOMEM;

	*out = NULL;
	if (!settings->ssl)
		return 0;
	if (!settings->host || settings->host[0] == '/') {
		snprintf(why, WHY_SIZE,
		         "redis.ssl needs a redis.host that is "
		         "no unix socket");
		return -EINVAL;
	}
	tls = calloc(1, sizeof(*tls));
	if (tls)
		tls->context = SSL_CTX_new(TLS_client_method());
	if (tls && tls->context)
		rc = load(tls->context, settings, why);
	if (rc)
		redis_tls_free(tls);
	else
		*out = tls;
	return rc;
}

void redis_tls_free(struct redis_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	free(tls);
}

static bool is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 ||
	       inet_pton(AF_INET6, host, &address) == 1;
}

/* Whose certificate it must be, and for a name the one that is asked for. */
static bool expect(SSL *ssl, const char *host)
{
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
		                                     host) == 1;
	return SSL_set1_host(ssl, host) == 1 &&
	       SSL_set_tlsext_host_name(ssl, host) == 1;
}

static int fail(SSL *ssl, const redisContext *context, char why[WHY_SIZE])
{
	long verdict = SSL_get_verify_result(ssl);
	bool silent = errno == EAGAIN || errno == EWOULDBLOCK;

	if (verdict != X509_V_OK)
		snprintf(why, WHY_SIZE, "TLS: %s",
		         X509_verify_cert_error_string(verdict));
	else
		snprintf(why, WHY_SIZE, "TLS: %s",
		         silent ? "no answer" : context->errstr);
	return silent && verdict == X509_V_OK ? -EAGAIN : -EACCES;
}

int redis_tls_start(const struct redis_tls *tls, const char *host,
                    redisContext *context, char why[WHY_SIZE])
{
	SSL *ssl = SSL_new(tls->context);
	int rc = 0;

	if (!ssl)
		return -ENOMEM;
	errno = 0;
	if (!expect(ssl, host))
		rc = -ENOMEM;
	else if (redisInitiateSSL(context, ssl) != REDIS_OK)
		rc = fail(ssl, context, why);
	ERR_clear_error();
	/* It is the context's only where that succeeds. */
	if (rc)
		SSL_free(ssl);
	return rc;
}
