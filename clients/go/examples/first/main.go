// Command first asks R for quantiles, fits a line there, and shows what an error of R looks like.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	arcuate "arcuate.invalid/go"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Args[1]); err != nil { // grpc://127.0.0.1:50051/r
		log.Fatal(err)
	}
}

func run(ctx context.Context, address string) error {
	r, err := arcuate.Dial(ctx, address, arcuate.WithToken(os.Getenv("ARCUATE_TOKEN")))
	if err != nil {
		return err
	}
	defer r.Close()

	waiting := []float64{79, 54, 74, 62, 85, 55, 88}
	q, err := arcuate.Call[[]float64](ctx, r, "quantile", waiting,
		arcuate.Named("probs", []float64{0.25, 0.75}), arcuate.Named("names", false))
	if err != nil {
		return err
	}
	fmt.Println("quartiles:", q)

	fit, err := r.Keep(ctx, "lsfit", []float64{3.6, 1.8, 3.3, 2.3, 4.5, 2.9, 4.7}, waiting) // stays in R
	if err != nil {
		return err
	}
	defer fit.Close()
	line, err := r.Call(ctx, "coef", fit)
	if err != nil {
		return err
	}
	if labelled, ok := line.(*arcuate.LabelledArray); ok { // R's names come along
		fmt.Println("coefficients:", labelled.Coords.Keys(), labelled.Data.(*arcuate.Array[float64]).Len())
	}

	_, err = r.Call(ctx, "log", "text")
	var e *arcuate.Error
	if errors.Is(err, arcuate.RemoteError) && errors.As(err, &e) {
		fmt.Println("R says:", e.Message)
	}
	return nil
}
