package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"
)

// jwtBearer is the documented grant type ([G-AUTH]).
const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer" //nolint:gosec // a name, no credential

// issueToken exchanges an assertion for an access token ([G-AUTH]).
func (v *vendasta) issueToken(c *call) *response {
	form, err := tokenForm(c)
	if err != nil {
		return oauthError(c, http.StatusBadRequest, "invalid_request", err.Error())
	}
	// The two documented fields, and no others: the Java sample's scope field is a
	// known trap ([G-AUTH]).
	if wrong := onlyFields(form, "grant_type", "assertion"); wrong != "" {
		return oauthError(c, http.StatusBadRequest, "invalid_request", wrong)
	}
	if form.Get("grant_type") != jwtBearer {
		return oauthError(c, http.StatusBadRequest, "unsupported_grant_type", "grant_type must be "+jwtBearer)
	}
	scopes, err := checkAssertion(form.Get("assertion"), c.now, v.options.Vendasta.Key)
	if err != nil {
		return oauthError(c, http.StatusBadRequest, "invalid_grant", err.Error())
	}
	if !slices.Contains(scopes, "user.admin") && !slices.Contains(scopes, "user.list") {
		return oauthError(c, http.StatusBadRequest, "invalid_scope", "scope must have user.admin or user.list")
	}
	// token_type and expires_in: standard OAuth2, read by others' code ([3P]).
	resp := vendastaJSON(http.StatusOK, map[string]any{
		"access_token": v.tokens.issue("vendasta", c.now, v.options.TokenLifetime, scopes),
		"token_type":   "Bearer",
		"expires_in":   int64(v.options.TokenLifetime / time.Second),
	})
	resp.header.Set("Content-Type", "application/json")
	resp.header.Set("Cache-Control", "no-store")
	return resp
}

// checkAssertion checks a JWT as the guide describes it ([G-AUTH]) and returns
// its scopes.
func checkAssertion(jwt string, now time.Time, key crypto.PublicKey) ([]string, error) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 || parts[2] == "" {
		return nil, errors.New("the assertion must have three parts")
	}
	var header struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
	}
	if err := decodePart(parts[0], &header); err != nil {
		return nil, errors.New("the assertion's header can not be read")
	}
	if header.Alg != "RS256" && header.Alg != "ES256" {
		return nil, errors.New("alg must be RS256 or ES256")
	}
	if header.Kid == "" {
		return nil, errors.New("kid must be given")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, errors.New("the assertion's signature can not be decoded")
	}
	if key != nil && !signed(header.Alg, parts[0]+"."+parts[1], signature, key) {
		return nil, errors.New("the assertion's signature is wrong")
	}
	return checkClaims(parts[1], now)
}

func checkClaims(part string, now time.Time) ([]string, error) {
	var claims struct {
		Aud, Iss, Sub, Scope string
		Iat, Exp             int64 // whole Unix seconds ([G-AUTH])
	}
	if err := decodePart(part, &claims); err != nil {
		return nil, errors.New("the assertion's claims can not be read")
	}
	const skew = time.Minute // assumed
	iat, exp := time.Unix(claims.Iat, 0), time.Unix(claims.Exp, 0)
	switch {
	case claims.Aud == "" || claims.Iss == "" || claims.Sub == "":
		return nil, errors.New("aud, iss and sub must be given")
	case claims.Iat == 0 || claims.Exp == 0:
		return nil, errors.New("iat and exp must be given")
	case iat.After(now.Add(skew)):
		return nil, errors.New("iat lies in the future")
	case !exp.After(now.Add(-skew)):
		return nil, errors.New("the assertion has expired")
	case exp.Sub(iat) > 10*time.Minute: // recommended ([G-AUTH]); that more is refused is assumed
		return nil, errors.New("exp must be at most 10 minutes after iat")
	case claims.Scope == "":
		return nil, errors.New("scope must be given")
	}
	return strings.Fields(claims.Scope), nil
}

func decodePart(part string, v any) error {
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// signed verifies a signature by the algorithm, which must fit the key.
func signed(alg, text string, signature []byte, key crypto.PublicKey) bool {
	sum := sha256.Sum256([]byte(text))
	switch key := key.(type) {
	case *rsa.PublicKey:
		return alg == "RS256" && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
	case *ecdsa.PublicKey:
		if alg != "ES256" || len(signature) != 64 {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(key, sum[:], r, s)
	default:
		return false
	}
}
